//! What the layers say together: the documented default, under the study file, under each `--set`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::document::{self, Document, Leaf};
use super::points::Mismatch;
use super::refuse::{Advise, Place, Refusal, Refusals, Source, refuse};
use super::schema::{self, Entry, Users};
use super::sweep::{self, SweptKey, Zip};
use super::value::Value;
use crate::suggest;

/// A key with the value that holds.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The value, in its checked form.
    pub(super) value: Value,
    /// Where the key was written.
    pub(super) place: Place,
    /// Whether it is the value of the defaults: such a key needs no taker, so that the documented
    /// default can be taken as it stands for a study file.
    pub(super) is_default: bool,
}

/// All layers merged: what is set once, and what is swept.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Values of keys; where a key is swept too, the sweep holds.
    pub(super) plain: BTreeMap<&'static str, Setting>,
    /// Axes of the sweep, first those of one key, then the zips.
    pub(super) axes: Vec<Vec<SweptKey>>,
}

/// Merges the layers.
///
/// # Errors
/// If a layer cannot be read, has unknown keys, or values that their keys do not take; mistakes
/// that do not depend on one another are reported together.
pub(super) fn merge(
    default: &Arc<Source>,
    file: &Arc<Source>,
    sets: &[String],
) -> Result<Settings, Refusal> {
    let mut layers = Layers::default();
    layers.apply(document::read(default)?);
    layers.defaults = layers.plain.clone();
    layers.apply(document::read(file)?);
    for set in sets {
        layers.apply_set(read_set(set)?);
    }
    layers.refusals.finish()?;
    let mut axes: Vec<Vec<SweptKey>> = layers.axes.into_iter().map(|key| vec![key]).collect();
    axes.extend(layers.zips.into_iter().filter(|zip| !zip.is_empty()));
    // A zip that `--set` left with one key is an axis like those of [sweep].
    axes.sort_by_key(|axis| axis.len() > 1);
    sweep::check(&axes)?;
    Ok(Settings { plain: layers.plain, axes })
}

#[derive(Default)]
struct Layers {
    defaults: BTreeMap<&'static str, Setting>,
    plain: BTreeMap<&'static str, Setting>,
    axes: Vec<SweptKey>,
    zips: Vec<Zip>,
    refusals: Refusals,
}

impl Layers {
    /// A study file: its axes are the axes, whatever is set beside them.
    fn apply(&mut self, document: Document) {
        for leaf in &document.leaves {
            let checked = setting(leaf, &self.defaults);
            if let Some((entry, setting)) = self.refusals.note(checked) {
                self.plain.insert(entry.key, setting);
            }
        }
        for leaf in &document.axes {
            self.axes.extend(self.refusals.note(sweep::swept_key(leaf)));
        }
        if let Some(zips) = document.zips {
            let keys = |zip: &Vec<Leaf>, refusals: &mut Refusals| {
                zip.iter().filter_map(|leaf| refusals.note(sweep::swept_key(leaf))).collect()
            };
            self.zips = zips.iter().map(|zip| keys(zip, &mut self.refusals)).collect();
        }
    }

    /// A `--set`: a plain value ends the sweep over its key, an axis replaces the one of its key.
    ///
    /// What it makes idle is dropped, where in one text it would be a contradiction: a new kind
    /// drops the keys it does not take, and of the two laws of balanced weights the last one given
    /// holds.
    fn apply_set(&mut self, mut document: Document) {
        for leaf in &document.leaves {
            self.end_sweep(|entry| entry.key == leaf.key);
            let balanced = self.is_balanced();
            self.drop_idle(&leaf.key, |entry| match (leaf.key.as_str(), &entry.users) {
                ("target.kind", Users::Targets(kinds))
                | ("init.kind", Users::Inits(kinds))
                | ("descent.method", Users::Methods(kinds))
                | ("descent.schedule", Users::Schedules(kinds))
                | ("descent.learning_rate", Users::Rates(kinds)) => {
                    !leaf.value.text().is_some_and(|kind| kinds.contains(&kind))
                }
                ("init.std", _) => balanced && entry.key == "init.norm",
                ("init.norm", _) => balanced && entry.key == "init.std",
                _ => false,
            });
        }
        document.axes.retain(|leaf| {
            let zipped = self.zips.iter_mut().flatten();
            let Some(old) =
                self.axes.iter_mut().chain(zipped).find(|old| old.entry.key == leaf.key)
            else {
                return true;
            };
            if let Some(new) = self.refusals.note(sweep::swept_key(leaf)) {
                *old = new;
            }
            false
        });
        self.apply(document);
    }

    fn end_sweep(&mut self, over: impl Fn(&Entry) -> bool) {
        self.axes.retain(|axis| !over(axis.entry));
        for zip in &mut self.zips {
            zip.retain(|axis| !over(axis.entry));
        }
    }

    /// Takes back the given keys that `--set` of `key` makes idle.
    fn drop_idle(&mut self, key: &str, idle: impl Fn(&Entry) -> bool) {
        let swept = self.axes.iter().chain(self.zips.iter().flatten());
        let swept = swept.map(|axis| axis.entry);
        let plain = self.plain.iter().filter(|(_, setting)| !setting.is_default);
        let plain = plain.filter_map(|(key, _)| schema::entry(key));
        let dropped: BTreeSet<_> = swept.chain(plain).filter(|e| idle(e)).map(|e| e.key).collect();
        for name in &dropped {
            tracing::warn!("--set {key}: `{name}` of the study file has no effect any more");
            match self.defaults.get(name) {
                Some(default) => self.plain.insert(name, default.clone()),
                None => self.plain.remove(name),
            };
        }
        self.end_sweep(|entry| dropped.contains(entry.key));
    }

    /// Whether all cells have balanced weights.
    fn is_balanced(&self) -> bool {
        let mut swept = self.axes.iter().chain(self.zips.iter().flatten());
        let kind = self.plain.get("init.kind").and_then(|setting| setting.value.text());
        kind == Some("balanced") && !swept.any(|axis| axis.entry.key == "init.kind")
    }
}

/// The entry and the checked value of a key.
fn setting(
    leaf: &Leaf,
    defaults: &BTreeMap<&'static str, Setting>,
) -> Result<(&'static Entry, Setting), Refusal> {
    let entry = known(leaf)?;
    let value = entry.holds.check(&leaf.value).map_err(|wrong| unswept(leaf, &wrong))?;
    let place = leaf.key_place.clone();
    let is_default = match defaults.get(entry.key) {
        Some(default) => default.value == value,
        None => !place.source.given,
    };
    Ok((entry, Setting { value, place, is_default }))
}

/// The entry of a key.
pub(super) fn known(leaf: &Leaf) -> Result<&'static Entry, Refusal> {
    schema::entry(&leaf.key).ok_or_else(|| unknown(leaf))
}

fn unknown(leaf: &Leaf) -> Refusal {
    let key = &leaf.key;
    let (table, _) = schema::split(key);
    if schema::is_table(key) || key == "sweep" {
        let names = schema::names_in(key);
        return leaf
            .key_place
            .refuse(format!("`{key}` must be a table"), "the name of a table")
            .advise(format!("write `[{key}]` and its keys below it: {names}"));
    }
    let near = suggest::did_you_mean(&schema::nearest_keys(key)).unwrap_or_default();
    let place = if table.is_empty() { "the top level".to_owned() } else { format!("[{table}]") };
    let names = schema::names_in(table);
    let help =
        if names.is_empty() { near } else { format!("{near} The keys of {place} are {names}.") };
    leaf.key_place.refuse(format!("unknown key `{key}`"), "no such key").advise(help.trim())
}

/// A value that its key does not take.
pub(super) fn mismatch(leaf: &Leaf, wrong: &Mismatch) -> Refusal {
    let message = format!("`{}` must be {}, not {}", leaf.key, wrong.expected, wrong.found);
    let refusal = leaf.at(wrong.span.clone()).refuse(message, format!("{} here", wrong.found));
    match &wrong.help {
        Some(help) => refusal.advise(help),
        None => refusal,
    }
}

/// The same outside a sweep, where a list may have been meant for one.
fn unswept(leaf: &Leaf, wrong: &Mismatch) -> Refusal {
    let refusal = mismatch(leaf, wrong);
    let is_list = leaf.value.list().is_some_and(|values| !values.is_empty());
    if wrong.help.is_some() || !is_list {
        return refusal;
    }
    refusal.advise(leaf.key_place.source.how_to_sweep(&leaf.key, leaf.value.span.clone()))
}

/// Reads `key=value` of a `--set`: the value is TOML, or a bare word.
fn read_set(set: &str) -> Result<Document, Refusal> {
    let source = |text: String| {
        let base = Path::new("").to_owned();
        Arc::new(Source { name: Source::SET.into(), text, base, given: true })
    };
    let as_toml = document::read(&source(set.to_owned()));
    let Some((key, value)) = split_assignment(set) else {
        return Err(refuse(format!("`--set {set}` has no `=`"))
            .advise("write --set key=value, for instance --set init.std=0.3"));
    };
    if value.is_empty() {
        return Err(refuse(format!("`--set {set}` has no value"))
            .advise("write --set key=value; the empty text is --set 'key=\"\"'"));
    }
    let is_toml = toml_edit::Document::parse(set).is_ok();
    if is_toml || value.starts_with(['[', '{', '"', '\'']) {
        return as_toml;
    }
    let text = Value::bare(super::value::Node::Text(value.to_owned()));
    document::read(&source(format!("{key} = {text}")))
}

/// Splits at the first `=` outside quotes.
fn split_assignment(set: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let at = set.char_indices().find_map(|(i, c)| {
        match (quote, c) {
            (None, '=') => return Some(i),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        None
    })?;
    Some((set[..at].trim(), set[at + 1..].trim()))
}
