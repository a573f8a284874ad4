//! The values of a sweep as people read them.

use super::format::texts;
use super::swept_keys;
use crate::study::{Axis, AxisKey};

/// Swept keys, and their values with as many digits as tell them apart.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    columns: Vec<Column<'a>>,
}

#[derive(Debug)]
struct Column<'a> {
    /// The number of the axis.
    axis: usize,
    key: &'a str,
    texts: Vec<String>,
}

impl<'a> Labels<'a> {
    /// Of all keys of a sweep.
    pub(super) fn of(axes: &'a [Axis]) -> Self {
        Self::of_keys(&swept_keys(axes))
    }

    /// Of some keys, each with the number of its axis.
    pub(super) fn of_keys(keys: &[(usize, &'a AxisKey)]) -> Self {
        let column = |&(axis, key): &(usize, &'a AxisKey)| Column {
            axis,
            key: &key.key,
            texts: texts(&key.values),
        };
        Self { columns: keys.iter().map(column).collect() }
    }

    /// The keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.columns.iter().map(|column| column.key)
    }

    /// The values of the keys at a position on the axes of the sweep.
    pub(super) fn values(&self, position: &[usize]) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.texts[position[column.axis]].as_str())
    }

    /// `init.std 0.3, network.depth 2`; empty without keys.
    pub(super) fn named(&self, position: &[usize]) -> String {
        let named = self.keys().zip(self.values(position));
        named.map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// `std` of `init.std`.
pub(super) fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::AxisValues;

    #[test]
    fn values_are_told_apart_and_follow_their_keys() {
        let key = |key: &str, values| AxisKey { key: key.to_owned(), values };
        let axes = [
            Axis {
                keys: vec![key(
                    "descent.learning_rate",
                    AxisValues::Floats(vec![0.12341, 0.12342]),
                )],
            },
            Axis {
                keys: vec![
                    key("init.kind", AxisValues::Labels(vec!["he".to_owned(), "zas".to_owned()])),
                    key("network.depth", AxisValues::Integers(vec![2, 3])),
                ],
            },
        ];
        let labels = Labels::of(&axes);
        assert_eq!(
            labels.named(&[1, 0]),
            "descent.learning_rate 0.12342, init.kind he, network.depth 2"
        );
        assert_eq!(
            labels.keys().map(last_part).collect::<Vec<_>>(),
            ["learning_rate", "kind", "depth"]
        );
        let depths = Labels::of_keys(&[(1, &axes[1].keys[1])]);
        assert_eq!(depths.values(&[0, 1]).collect::<Vec<_>>(), ["3"]);
        assert_eq!(Labels::of(&[]).named(&[]), "");
    }
}
