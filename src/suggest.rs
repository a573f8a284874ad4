//! Suggestions for near misses.

/// Similarity (1: equal) from which a word counts as a near miss of another.
const NEAR: f64 = 0.6;

/// The candidates nearest to `word`, all those equally near; none if none is near. What a word of two letters
/// or more begins is near at least.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let begins = |candidate: &str| {
        word.chars().count() > 1 && candidate.to_lowercase().starts_with(&word.to_lowercase())
    };
    best(candidates.map(|candidate| {
        let least = if begins(candidate) { NEAR } else { 0.0 };
        (candidate, similarity(word, candidate).max(least))
    }))
}

/// "did you mean `a` or `b`?"
pub(crate) fn did_you_mean(candidates: &[&str]) -> Option<String> {
    let quoted: Vec<String> = candidates.iter().take(3).map(|c| format!("`{c}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

/// 1 for equal words, 0 for words without a letter in common; case does not count.
pub(crate) fn similarity(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

/// The candidates with the highest score, all those that share it; none below [`NEAR`].
pub(crate) fn best<'a>(scored: impl Iterator<Item = (&'a str, f64)>) -> Vec<&'a str> {
    let scored: Vec<(&str, f64)> = scored.filter(|&(_, score)| score >= NEAR).collect();
    let top = scored.iter().map(|&(_, score)| score).fold(0.0, f64::max);
    scored.into_iter().filter(|&(_, score)| score == top).map(|(candidate, _)| candidate).collect()
}

/// "did you mean .. ?" of the candidates nearest to `word`, before advice.
pub(crate) fn before<'a>(
    advice: String,
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> String {
    match did_you_mean(&nearest(word, candidates)) {
        Some(question) => format!("{question} {advice}"),
        None => advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let kinds = || ["gaussian", "he", "zas"].into_iter();
        assert_eq!(nearest("gausian", kinds()), ["gaussian"]);
        assert_eq!(nearest("ZAS", kinds()), ["zas"]);
        assert_eq!(nearest("phi", ["PHI", "T"].into_iter()), ["PHI"]);
        assert_eq!(nearest("gau", kinds()), ["gaussian"]);
        assert!(nearest("g", kinds()).is_empty());
        assert!(nearest("uniform", kinds()).is_empty());
        assert_eq!(did_you_mean(&["a", "b"]).as_deref(), Some("did you mean `a` or `b`?"));
        assert_eq!(did_you_mean(&[]), None);
        assert_eq!(before("a or b".to_owned(), "hee", kinds()), "did you mean `he`? a or b");
        assert_eq!(before("a or b".to_owned(), "uniform", kinds()), "a or b");
    }
}
