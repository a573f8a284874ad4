//! The resolved configuration as canonical TOML.

use std::collections::{BTreeMap, HashSet};

use super::schema::{self, SCHEMA};
use super::settings::Settings;
use super::sweep::SweptKey;
use super::value::{Node, Value};

/// Every key that decides a bit of the results, in schema order, axes as lists; `used` are the keys
/// that some cell takes.
pub(super) fn resolved(settings: &Settings, used: &HashSet<&str>, ladder: &[f64]) -> String {
    let swept: HashSet<&str> = settings.axes.iter().flatten().map(|axis| axis.entry.key).collect();
    let ladder =
        Value::bare(Node::List(ladder.iter().map(|&x| Value::bare(Node::Float(x))).collect()));
    let mut tables: BTreeMap<usize, String> = BTreeMap::new();
    for entry in
        SCHEMA.iter().filter(|entry| used.contains(entry.key) && !swept.contains(entry.key))
    {
        let (table, name) = schema::split(entry.key);
        let value = match entry.key {
            "stop.ladder" => Some(&ladder),
            key => settings.plain.get(key).map(|setting| &setting.value),
        };
        let position = schema::TABLES.iter().position(|t| *t == table);
        let (Some(value), true) = (value, table != "store") else {
            continue;
        };
        let text = tables.entry(position.map_or(0, |p| p + 1)).or_default();
        text.push_str(&format!("{name} = {value}\n"));
    }
    let mut blocks: Vec<String> = Vec::new();
    for (position, text) in tables {
        let header = position.checked_sub(1).map(|p| format!("[{}]\n", schema::TABLES[p]));
        blocks.push(header.unwrap_or_default() + &text);
    }
    blocks.extend(sweep(&settings.axes));
    blocks.join("\n")
}

/// `[sweep]` with the axes of one key, then a `[[sweep.zip]]` for each of several.
fn sweep(axes: &[Vec<SweptKey>]) -> Vec<String> {
    let line = |key: &SweptKey| {
        let values = Value::bare(Node::List(key.values.clone()));
        format!("\"{}\" = {values}\n", key.entry.key)
    };
    let lines = |axis: &[SweptKey]| axis.iter().map(line).collect::<String>();
    let single: String =
        axes.iter().filter(|axis| axis.len() == 1).map(|axis| lines(axis)).collect();
    let mut blocks = Vec::new();
    if !single.is_empty() {
        blocks.push(format!("[sweep]\n{single}"));
    }
    let zips = axes.iter().filter(|axis| axis.len() > 1);
    blocks.extend(zips.map(|axis| format!("[[sweep.zip]]\n{}", lines(axis))));
    blocks
}
