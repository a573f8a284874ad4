//! One page of HTML that holds everything and asks for nothing: no network, no other file.

mod cells;
mod header;
mod html;
mod packed;
mod section;

use self::html::joined;
use super::figures::{self, Group};
use crate::Result;
use crate::digest::Digest;
use crate::draw::Escaped;
use crate::store::reader::ResultsFile;

/// How the text of a page begins.
pub const BEGINNING: &str = "<!doctype html>";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page of results: what was run, the table of its cells, its figures, and how to run it again. The
/// same file gives the same text.
///
/// # Errors
/// If the results cannot be read.
pub fn page(results: &ResultsFile) -> Result<String> {
    let groups = figures::all(results)?;
    let body = format!(
        "<a class=\"skip\" href=\"#main\">To the results</a>\n{}{}<main id=\"main\" tabindex=\"-1\">\n{}{}{}</main>\n\
         <div id=\"tip\" aria-hidden=\"true\"></div>\n<div id=\"said\" aria-live=\"polite\"></div>\n",
        header::header(results),
        contents(&groups),
        joined(groups.iter().map(section::section)),
        cells::section(results),
        header::again(results),
    );
    Ok(document(&results.name, &body))
}

/// Links to the sections.
fn contents(groups: &[Group]) -> String {
    let own = [("cells", "Cells"), ("again", "Run it again")];
    let links = groups.iter().map(|group| (group.kind.name(), group.kind.title())).chain(own);
    let links =
        links.map(|(id, title)| format!("<li><a href=\"#{id}\">{}</a></li>\n", Escaped(&title)));
    format!("<nav aria-label=\"Contents\">\n<ul>\n{}</ul>\n</nav>\n", joined(links))
}

/// The page around its body. Scripts have to show the digest of all else on the page, so none runs that
/// names in the results may have brought along.
fn document(name: &str, body: &str) -> String {
    let name = Escaped(&name);
    let nonce = Digest::of(format!("{name}{STYLE}{SCRIPT}{body}").as_bytes()).short();
    format!(
        "{BEGINNING}\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'nonce-{nonce}'; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"deeplin\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{name} – deeplin</title>\n<style>\n{STYLE}</style>\n</head>\n<body data-study=\"{name}\">\n\
         {body}<script nonce=\"{nonce}\">\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
