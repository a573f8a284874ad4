//! One cell's view of the settings: the value of every key at one point of the sweep.

use std::fmt::Write;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::network::Shape;

use super::refuse::{Advise, Place, Refusal, counted, refuse};
use super::schema::{self, BUDGET, Entry, REFINED, SCHEMA, TRACED, Users};
use super::settings::Settings;
use super::value::{Node, Value};

/// The settings at one point of the sweep.
#[derive(Debug)]
pub(super) struct View<'a> {
    settings: &'a Settings,
    /// Position on each axis.
    point: Vec<usize>,
    index: usize,
}

impl<'a> View<'a> {
    /// Cell `index` of the row-major product of the axes.
    pub(super) fn new(settings: &'a Settings, index: usize) -> Self {
        let mut point = vec![0; settings.axes.len()];
        let mut rest = index;
        for (position, axis) in point.iter_mut().zip(&settings.axes).rev() {
            let len = axis[0].values.len();
            *position = rest % len;
            rest /= len;
        }
        Self { settings, point, index }
    }

    /// The value of a key and where the key was written.
    fn find(&self, key: &str) -> Option<(&'a Value, &'a Place)> {
        for (axis, &position) in self.settings.axes.iter().zip(&self.point) {
            if let Some(swept) = axis.iter().find(|swept| swept.entry.key == key) {
                return Some((&swept.values[position], &swept.place));
            }
        }
        self.settings.plain.get(key).map(|setting| (&setting.value, &setting.place))
    }

    /// The value of a key, if it has one.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.find(key).map(|(value, _)| value)
    }

    /// The value of a key that the defaults give.
    pub(super) fn known(&self, key: &str) -> &'a Value {
        self.get(key).unwrap_or_else(|| panic!("default.toml gives {key}"))
    }

    /// The value of a key that holds a number.
    pub(super) fn float(&self, key: &str) -> f64 {
        self.known(key).float().unwrap_or_else(|| panic!("{key} was checked to be a number"))
    }

    /// The value of a key that holds a whole number of at least 0.
    pub(super) fn whole(&self, key: &str) -> u64 {
        match self.known(key).node {
            Node::Integer(n) if n >= 0 => n.unsigned_abs(),
            _ => panic!("{key} was checked to be a whole number"),
        }
    }

    /// The value of a key that holds a word.
    pub(super) fn word(&self, key: &str) -> &'a str {
        self.known(key).text().unwrap_or_else(|| panic!("{key} was checked to be a text"))
    }

    /// The value of a key that holds true or false.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.known(key).node == Node::Flag(true)
    }

    /// The text of a key, if it has one.
    pub(super) fn optional_text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Value::text).map(str::to_owned)
    }

    /// The value of a key that this cell cannot do without; `example` is a value as TOML.
    ///
    /// # Errors
    /// If neither the study nor its defaults give it.
    pub(super) fn require(&self, key: &str, example: &str) -> Result<&'a Value, Refusal> {
        self.get(key).ok_or_else(|| {
            let (table, name) = schema::split(key);
            let kind = format!("{table}.kind");
            let message = format!("{kind} = \"{}\" needs `{key}`", self.word(&kind));
            let help = format!(
                "write `{name} = {example}` under [{table}], or give --set {key}={}",
                example.trim_matches('"')
            );
            self.refuse(&[&kind], &message, format!("needs `{key}`")).advise(help)
        })
    }

    /// The numbers of a required list.
    pub(super) fn floats(&self, key: &str, example: &str) -> Result<Vec<f64>, Refusal> {
        let value = self.require(key, example)?;
        Ok(value.list().unwrap_or_default().iter().filter_map(Value::float).collect())
    }

    /// The file named by a key, relative to where its text says.
    pub(super) fn path(&self, key: &str, example: &str) -> Result<PathBuf, Refusal> {
        self.require(key, example)?;
        let (value, place) = self.find(key).expect("required just now");
        Ok(place.source.base.join(value.text().unwrap_or_default()))
    }

    /// Whether a key has this word in some cell.
    pub(super) fn is_anywhere(&self, key: &str, word: &str) -> bool {
        let swept = self.settings.axes.iter().flatten().filter(|swept| swept.entry.key == key);
        let plain = self.settings.plain.get(key).map(|setting| &setting.value);
        swept.flat_map(|swept| &swept.values).chain(plain).any(|value| value.text() == Some(word))
    }

    /// Whether this cell takes a key.
    pub(super) fn uses(&self, entry: &Entry) -> bool {
        let taken = match entry.users {
            Users::All => true,
            Users::Targets(kinds) => kinds.contains(&self.word("target.kind")),
            Users::Inits(kinds) => kinds.contains(&self.word("init.kind")),
            Users::Methods(kinds) => kinds.contains(&self.word("descent.method")),
            Users::Schedules(kinds) => {
                kinds.contains(&self.word("descent.schedule"))
                    && schema::entry("descent.schedule").is_some_and(|entry| self.uses(entry))
            }
            Users::Rates(words) => {
                let key = "descent.learning_rate";
                self.get(key).and_then(Value::text).is_some_and(|word| words.contains(&word))
                    && schema::entry(key).is_some_and(|entry| self.uses(entry))
            }
        };
        taken
            && match entry.key {
                "network.hidden" => self.whole("network.depth") > 1,
                // Balanced weights have one law: a given norm replaces the standard deviation.
                "init.std" if self.word("init.kind") == "balanced" => {
                    self.get("init.norm").is_none()
                }
                // Where precision decides how many trials there are, bounds are those of a sequence.
                "interval.method" | "interval.level" => {
                    !matches!(self.known("trials").node, Node::Table(_))
                }
                // A budget is spread by precision; fixed numbers of trials need none.
                BUDGET => matches!(self.known("trials").node, Node::Table(_)),
                key if key.starts_with("refine.") => self.get(REFINED).is_some(),
                // Without a number of trials there are no trajectories.
                key if key.starts_with("record.trajectory.") => self.get(TRACED).is_some(),
                _ => true,
            }
    }

    /// The dimensions `d_0 .. d_N`.
    ///
    /// # Errors
    /// If a list of hidden widths does not fit the depth.
    pub(super) fn shape(&self) -> Result<Shape, Refusal> {
        // Widths fit: the schema keeps them at 100000.
        let width = |n: u64| n as usize;
        let depth = width(self.whole("network.depth"));
        let mut dims = vec![width(self.whole("network.input"))];
        if depth > 1 {
            match self.known("network.hidden").list() {
                None => dims.extend(vec![width(self.whole("network.hidden")); depth - 1]),
                Some(widths) if widths.len() == depth - 1 => {
                    dims.extend(widths.iter().filter_map(Value::float).map(|w| w as usize));
                }
                Some(widths) => {
                    let message = format!(
                        "`network.hidden` lists {}, but depth {depth} has {}",
                        counted(widths.len(), "width"),
                        counted(depth - 1, "hidden layer")
                    );
                    return Err(self
                        .refuse(&["network.hidden", "network.depth"], &message, "wrong length")
                        .advise(format!(
                            "give {}, or one width for all",
                            counted(depth - 1, "width")
                        )));
                }
            }
        }
        dims.push(width(self.whole("network.output")));
        Ok(Shape::new(dims))
    }

    /// Canonical text of the keys of `table` that this cell takes. A file stands there by the
    /// digest of its content, so that moving it changes nothing.
    pub(super) fn table_text(&self, table: &str, file: Option<Digest>) -> String {
        let mut text = format!("[{table}]\n");
        for entry in SCHEMA.iter().filter(|entry| schema::split(entry.key).0 == table) {
            let Some(value) = self.get(entry.key).filter(|_| self.uses(entry)) else {
                continue;
            };
            let (_, name) = schema::split(entry.key);
            let written = match (name, file) {
                ("path", Some(digest)) => writeln!(text, "path = {}", digest.hex()),
                _ => writeln!(text, "{name} = {value}"),
            };
            written.expect("writing to a String cannot fail");
        }
        text
    }

    /// What the cell is called in messages; empty if it is the only one.
    fn name(&self) -> String {
        let coordinates: Vec<String> = self.coordinates();
        if coordinates.is_empty() {
            return String::new();
        }
        format!("cell {} ({}): ", self.index, coordinates.join(", "))
    }

    /// `init.std = 0.1` of every swept key.
    fn coordinates(&self) -> Vec<String> {
        let axes = self.settings.axes.iter().zip(&self.point);
        axes.flat_map(|(axis, &position)| axis.iter().map(move |swept| (swept, position)))
            .map(|(swept, position)| {
                format!("{} = {}", swept.entry.key, swept.values[position].plain())
            })
            .collect()
    }

    /// The swept keys that this cell does not take.
    pub(super) fn idle_axes(&self) -> Vec<&'static str> {
        let swept = self.settings.axes.iter().flatten().map(|axis| axis.entry);
        swept.filter(|entry| !self.uses(entry)).map(|entry| entry.key).collect()
    }

    /// A refusal of this cell, with a caret at the first of `keys` that a person wrote; at the
    /// value of this cell if the key is swept.
    pub(super) fn refuse(&self, keys: &[&str], message: &str, label: impl Into<String>) -> Refusal {
        let message = format!("{}{message}", self.name());
        let place =
            keys.iter().filter_map(|key| self.find(key)).find(|(_, place)| place.source.given);
        match place {
            None => refuse(message),
            Some((value, place)) => {
                Place { span: value.span.clone(), ..place.clone() }.refuse(message, label)
            }
        }
    }
}
