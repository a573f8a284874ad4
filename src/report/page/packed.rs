//! What is long stands packed in a page; the script unpacks it when it is asked for.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::draw::Escaped;

/// Bytes that stand as they are.
const LONG: usize = 1 << 16;

/// These pieces of a page, packed if they are long: then those without scripts read what is not there, and
/// the command that gives it.
pub(super) fn packed(html: String, what: &str, command: &str) -> String {
    if html.len() <= LONG {
        return html;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let deflated = encoder.write_all(html.as_bytes()).and_then(|()| encoder.finish());
    let deflated = deflated.expect("memory takes all that is written");
    format!(
        "<script type=\"text/plain\" class=\"packed\">{}</script>\n\
         <noscript><p class=\"notice\">{} packed in this page and need scripts. Without them there is \
         <code>{}</code></p></noscript>\n",
        STANDARD.encode(deflated),
        Escaped(&what),
        Escaped(&command)
    )
}
