//! One text of configuration as flat leaves: dotted keys with values and places.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Item, TableLike};

use super::points;
use super::refuse::{Advise, Place, Refusal, Refusals, Source, refuse};
use super::schema::{self, TABLES, is_table};
use super::value::{Node, Value};
use crate::suggest;

/// Longest configuration text, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

/// Most points of all forms of one text together. Zipped keys can have more values than there are
/// cells.
const MOST_POINTS: u128 = 4_000_000;

/// Deepest nesting of a value; the deepest that has a meaning is a list of lists of matrices.
const DEEPEST: usize = 6;

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Dotted key, without `sweep.`.
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Value,
}

impl Leaf {
    /// Where (a part of) the value stands.
    pub(super) fn at(&self, span: Range<usize>) -> Place {
        Place { source: Arc::clone(&self.key_place.source), span }
    }
}

/// What one text says, in the order in which it says it.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Keys outside `[sweep]`.
    pub(super) leaves: Vec<Leaf>,
    /// Axes of `[sweep]`.
    pub(super) axes: Vec<Leaf>,
    /// `[[sweep.zip]]`, if the text has any.
    pub(super) zips: Option<Vec<Vec<Leaf>>>,
}

/// Reads a text.
///
/// # Errors
/// If it is longer than [`LONGEST`], no TOML, nests deeper than [`DEEPEST`], holds a number that is
/// not finite, gives a key twice, or has tables that a study has not.
pub(super) fn read(source: &Arc<Source>) -> Result<Document, Refusal> {
    if source.text.len() > LONGEST {
        return Err(too_long(&source.name));
    }
    let parsed = toml_edit::Document::parse(source.text.as_str()).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let place = Place { source: Arc::clone(source), span };
        place.refuse(format!("{} is not valid TOML: {}", source.name, error.message()), "here")
    })?;
    let mut reader =
        Reader { source, document: Document::default(), refusals: Refusals::default() };
    reader.table("", parsed.as_table());
    reader.refuse_duplicates();
    reader.refuse_vast();
    reader.refusals.finish()?;
    // In the order of the text: TOML's tables put dotted keys of one prefix together.
    reader.document.axes.sort_by_key(|axis| axis.key_place.span.start);
    Ok(reader.document)
}

/// Refuses a text of more than [`LONGEST`] bytes.
pub(super) fn too_long(name: &str) -> Refusal {
    refuse(format!("{name} is longer than {LONGEST} bytes, the most a study can have"))
        .advise("long lists of numbers belong in a data file")
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    document: Document,
    refusals: Refusals,
}

impl Reader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Place {
        Place { source: Arc::clone(self.source), span: span.unwrap_or(0..0) }
    }

    /// A table of the study, `""` the top level.
    fn table(&mut self, path: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let key_place = self.place(table.get_key_value(name).and_then(|(key, _)| key.span()));
            let inner = join(path, name);
            match item.as_table_like() {
                Some(table) if inner == "sweep" => {
                    self.document.axes = self.axes("", table, true);
                }
                Some(table) if is_table(&inner) => self.table(&inner, table),
                Some(table) if !takes_form(&inner) => {
                    let form = points::is_form(table.iter().map(|(key, _)| key));
                    self.unknown_table(&inner, &key_place, item.span().filter(|_| form));
                }
                _ => {
                    let leaf = self.leaf(inner, key_place, item);
                    self.document.leaves.extend(leaf);
                }
            }
        }
    }

    /// The swept keys of `[sweep]` (`top`) or of a zip; dotted keys may be quoted or not.
    fn axes(&mut self, path: &str, table: &dyn TableLike, top: bool) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for (name, item) in table.iter() {
            let key_place = self.place(table.get_key_value(name).and_then(|(key, _)| key.span()));
            let inner = join(path, name);
            match item.as_table_like() {
                None if top && inner == "zip" => self.zips(&key_place, item),
                // What a key that is swept is given is a form, if with other words.
                Some(table)
                    if schema::entry(&inner).is_none()
                        && !points::is_form(table.iter().map(|(key, _)| key)) =>
                {
                    leaves.extend(self.axes(&inner, table, false));
                }
                _ => leaves.extend(self.leaf(inner, key_place, item)),
            }
        }
        leaves
    }

    /// `[[sweep.zip]]` or `zip = [{ .. }, ..]`.
    fn zips(&mut self, key_place: &Place, item: &Item) {
        let tables: Option<Vec<&dyn TableLike>> = match item {
            Item::ArrayOfTables(array) => Some(array.iter().map(|t| t as &dyn TableLike).collect()),
            Item::Value(value) => value.as_array().and_then(|array| {
                array.iter().map(|v| v.as_inline_table().map(|t| t as &dyn TableLike)).collect()
            }),
            _ => None,
        };
        let Some(tables) = tables else {
            self.refusals.push(
                key_place
                    .refuse("`sweep.zip` must be a list of tables", "not a list of tables")
                    .advise("write `[[sweep.zip]]` and below it the keys that move together"),
            );
            return;
        };
        let zips = tables.into_iter().map(|table| self.axes("", table, false)).collect();
        self.document.zips = Some(zips);
    }

    fn leaf(&mut self, key: String, key_place: Place, item: &Item) -> Option<Leaf> {
        let value = match item.as_value() {
            Some(value) => self.value(value, 0),
            // `[[x]]`, or `[x]` where a value is meant.
            None => match item.as_table_like() {
                Some(table) => self.entries(table, item.span(), 0),
                None => {
                    self.unknown_table(&key, &key_place, None);
                    None
                }
            },
        }?;
        Some(Leaf { key, key_place, value })
    }

    fn value(&mut self, value: &toml_edit::Value, depth: usize) -> Option<Value> {
        let place = self.place(value.span());
        if depth > DEEPEST {
            self.refusals
                .push(place.refuse("values are nested too deeply", "deeper than any key takes"));
            return None;
        }
        let node = match value {
            toml_edit::Value::Integer(n) => Node::Integer(*n.value()),
            toml_edit::Value::Float(x) if x.value().is_finite() => Node::Float(*x.value() + 0.0),
            toml_edit::Value::Float(_) => {
                self.refusals.push(place.refuse("a number is not finite", "must be finite"));
                return None;
            }
            toml_edit::Value::Boolean(flag) => Node::Flag(*flag.value()),
            toml_edit::Value::String(text) => Node::Text(text.value().clone()),
            // Nothing in a study is a date: on the command line it is a bare word.
            toml_edit::Value::Datetime(date) => Node::Text(date.value().to_string()),
            toml_edit::Value::Array(array) => {
                Node::List(array.iter().map(|v| self.value(v, depth + 1)).collect::<Option<_>>()?)
            }
            toml_edit::Value::InlineTable(table) => {
                return self.entries(table, table.span(), depth);
            }
        };
        Some(Value { node, span: place.span })
    }

    fn entries(
        &mut self,
        table: &dyn TableLike,
        span: Option<Range<usize>>,
        depth: usize,
    ) -> Option<Value> {
        let mut entries = Vec::new();
        for (key, item) in table.iter() {
            let Some(value) = item.as_value() else {
                let place = self.place(item.span());
                self.refusals.push(place.refuse(format!("`{key}` must be a value"), "a table"));
                return None;
            };
            entries.push((key.to_owned(), self.value(value, depth + 1)?));
        }
        Some(Value { node: Node::Table(entries), span: span.unwrap_or(0..0) })
    }

    /// A table where none may be; `form` says where points of an axis are written, if they are.
    fn unknown_table(&mut self, path: &str, place: &Place, form: Option<Range<usize>>) {
        let refusal = if schema::entry(path).is_some() {
            let message = format!("`{path}` must be a value, not a table");
            let refusal = place.refuse(message, "a table");
            match form {
                Some(span) => refusal.advise(place.source.how_to_sweep(path, span)),
                None => refusal,
            }
        } else if is_table(path) || path == "sweep" {
            place
                .refuse(format!("`{path}` must be one table"), "several tables of this name")
                .advise(format!("write `[{path}]` once, with single brackets"))
        } else {
            let near = suggest::did_you_mean(&schema::nearest_tables(path)).unwrap_or_default();
            let tables = TABLES.map(|table| format!("[{table}]")).join(", ");
            place.refuse(format!("unknown table `{path}`"), "no such table").advise(
                format!("{near} The tables of a study are {tables} and [sweep].").trim_start(),
            )
        };
        self.refusals.push(refusal);
    }

    /// TOML refuses a repeated key, but `[init] std` and `"init.std"` are the same key here.
    fn refuse_duplicates(&mut self) {
        let document = &self.document;
        let zipped = document.zips.iter().flatten().flatten();
        for group in [
            document.leaves.iter().collect(),
            document.axes.iter().chain(zipped).collect::<Vec<_>>(),
        ] {
            let mut seen = HashSet::new();
            for leaf in group.into_iter().filter(|leaf| !seen.insert(leaf.key.as_str())) {
                let message = format!("`{}` is given twice", leaf.key);
                self.refusals.push(leaf.key_place.refuse(message, "the second time"));
            }
        }
    }

    /// Forms are expanded later: a few words could otherwise fill the memory.
    fn refuse_vast(&mut self) {
        let zipped = self.document.zips.iter().flatten().flatten();
        let mut values: u128 = 0;
        for leaf in self.document.axes.iter().chain(zipped) {
            values += points::count(&leaf.value.node);
            if values > MOST_POINTS {
                let message =
                    format!("the axes up to `{}` have more than {MOST_POINTS} points", leaf.key);
                let place = leaf.at(leaf.value.span.clone());
                self.refusals.push(place.refuse(message, "too many"));
                return;
            }
        }
    }
}

/// Whether the value of a key outside the sweep may be a table.
fn takes_form(key: &str) -> bool {
    schema::entry(key).is_some_and(|entry| entry.holds.takes_form())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
