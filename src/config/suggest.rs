//! Suggestions for near misses.

use super::schema::{SCHEMA, TABLES, split};

/// Similarity (1: equal) from which a word counts as a near miss of another.
const NEAR: f64 = 0.6;

/// The candidates nearest to `word`, all those equally near; none if none is near.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    best(candidates.map(|candidate| (candidate, similarity(word, candidate))))
}

/// The keys that an unknown dotted key may have been meant to be: near in its own table, near as a
/// whole, or of the same name in another table.
pub(super) fn nearest_keys(key: &str) -> Vec<&'static str> {
    let (table, name) = split(key);
    best(SCHEMA.iter().map(|entry| {
        let (entry_table, entry_name) = split(entry.key);
        let there = similarity(name, entry_name);
        // In its own table a name may be farther off; elsewhere it loses to an equal match there.
        let score = if entry_table == table {
            there
        } else {
            0.95 * there
        };
        (entry.key, score.max(similarity(key, entry.key)))
    }))
}

/// The tables an unknown table may have been meant to be.
pub(super) fn nearest_tables(table: &str) -> Vec<&'static str> {
    nearest(table, TABLES.into_iter().chain(["sweep"]))
}

/// "did you mean `a` or `b`?"
pub(super) fn did_you_mean(candidates: &[&str]) -> Option<String> {
    let quoted: Vec<String> = candidates
        .iter()
        .take(3)
        .map(|c| format!("`{c}`"))
        .collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), b)
}

fn best<'a>(scored: impl Iterator<Item = (&'a str, f64)>) -> Vec<&'a str> {
    let scored: Vec<(&str, f64)> = scored.filter(|&(_, score)| score >= NEAR).collect();
    let top = scored.iter().map(|&(_, score)| score).fold(0.0, f64::max);
    scored
        .into_iter()
        .filter(|&(_, score)| score == top)
        .map(|(candidate, _)| candidate)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let cases: &[(&str, &[&str])] = &[
            ("init.sdt", &["init.std"]),
            ("std", &["target.std", "init.std"]),
            ("sead", &["seed"]),
            ("netwrok.input", &["network.input"]),
            ("descent.learningrate", &["descent.learning_rate"]),
            ("descent.lr", &[]),
            ("learning_rate", &["descent.learning_rate"]),
            ("zzz", &[]),
        ];
        for (key, expected) in cases {
            assert_eq!(nearest_keys(key), *expected, "{key}");
        }
        assert_eq!(nearest_tables("netwrok"), ["network"]);
        assert_eq!(
            nearest("gausian", ["gaussian", "he"].into_iter()),
            ["gaussian"]
        );
    }
}
