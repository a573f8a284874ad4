//! The statistics against those of scipy, statsmodels and lifelines, on cases of all sizes.

use deeplin::digest::Digest;
use deeplin::rng::{Purpose, Stream, stream};
use deeplin::stats::axis::{Direction, Point};
use deeplin::stats::link::Link;
use deeplin::stats::{
    Interval, Method, Pairs, StepCounts, chi_squared, clopper_pearson, confidence_sequence,
    difference_interval, glm, holm, incidence, isotonic, normal, quantile_ranks, wilson,
};
use serde_json::{Value, json};

use crate::program::{Desk, python, run_script};

/// Random cases; equal ones in every run.
struct Cases(Stream);

impl Cases {
    fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    /// A whole number from 0 to `most`, small ones as likely as large ones.
    fn size(&mut self, most: u64) -> u64 {
        ((most as f64 + 1.0).powf(self.uniform()) - 1.0) as u64
    }

    /// A whole number from 0 to `most`.
    fn count(&mut self, most: u64) -> u64 {
        ((most as f64 + 1.0) * self.uniform()) as u64
    }

    fn level(&mut self) -> f64 {
        [0.5, 0.9, 0.95, 0.99, 0.999][self.count(4) as usize]
    }

    fn proportion(&mut self) -> Value {
        let n = 1 + self.size(999_999_999);
        let k = [self.count(n), self.size(n), n - self.size(n)][self.count(2) as usize];
        let level = self.level();
        json!({
            "k": k, "n": n, "level": level,
            "clopper_pearson": ends(clopper_pearson(k, n, level)),
            "wilson": ends(wilson(k, n, level)),
            "jeffreys": ends(Method::Jeffreys.interval(k, n, level)),
        })
    }

    fn sequence(&mut self) -> Value {
        let n = 1 + self.size(9999);
        let (k, level) = (self.count(n), self.level());
        json!({ "k": k, "n": n, "level": level, "interval": ends(confidence_sequence(k, n, level)) })
    }

    fn ranks(&mut self) -> Value {
        let (n, q, level) = (10 + self.size(99_999), 0.05 + 0.9 * self.uniform(), self.level());
        let ranks = quantile_ranks(n, q, level);
        json!({
            "n": n, "q": q, "level": level,
            "lower": ranks.lower, "upper": ranks.upper, "coverage": ranks.coverage,
        })
    }

    /// Without failures several trials end at a step, with failures one.
    fn incidence(&mut self) -> Value {
        let has_failures = self.uniform() < 0.5;
        let (mut rows, mut step) = (Vec::new(), 0);
        for _ in 0..30 {
            step += 1 + self.size(50);
            let mut row = StepCounts { step, converged: 0, failed: 0, censored: 0 };
            if has_failures {
                *[&mut row.converged, &mut row.failed, &mut row.censored][self.count(2) as usize] =
                    1;
            } else {
                (row.converged, row.censored) = (self.count(3), self.count(2));
            }
            rows.push(row);
        }
        let level = self.level();
        let points: Vec<_> = incidence(&rows)
            .iter()
            .map(|point| (point.step, point.converged, point.interval(level).map(ends)))
            .collect();
        let rows: Vec<_> =
            rows.iter().map(|r| (r.step, r.converged, r.failed, r.censored)).collect();
        json!({ "rows": rows, "level": level, "points": points })
    }

    /// Successes of so many trials.
    fn binomial(&mut self, n: u64, p: f64) -> u64 {
        (0..n).filter(|_| self.uniform() < p).count() as u64
    }

    fn regression(&mut self) -> Value {
        let link = Link::ALL[self.count(2) as usize];
        let (slope, middle) = (0.5 + 2.0 * self.uniform(), 4.0 * self.uniform() - 2.0);
        let points: Vec<Point> = (0..10)
            .map(|i| {
                let (x, trials) = (f64::from(i) - 4.5, 50 + self.size(2000));
                let p = link.response(slope * (x - middle) / 2.0).p;
                Point { x, successes: self.binomial(trials, p), trials }
            })
            .collect();
        let fit = glm::fit(&points, link).expect("counts that overlap");
        let (of_intercept, of_slope) = fit.standard_errors();
        json!({
            "link": format!("{link:?}").to_lowercase(),
            "x": points.iter().map(|point| point.x).collect::<Vec<_>>(),
            "k": points.iter().map(|point| point.successes).collect::<Vec<_>>(),
            "n": points.iter().map(|point| point.trials).collect::<Vec<_>>(),
            "intercept": fit.intercept(), "slope": fit.slope, "deviance": fit.deviance,
            "errors": (of_intercept, of_slope), "freedom": fit.freedom,
        })
    }

    fn isotonic(&mut self) -> Value {
        let points: Vec<Point> = (0..12)
            .map(|i| {
                let trials = 1 + self.size(200);
                Point { x: f64::from(i), successes: self.count(trials), trials }
            })
            .collect();
        json!({
            "k": points.iter().map(|point| point.successes).collect::<Vec<_>>(),
            "n": points.iter().map(|point| point.trials).collect::<Vec<_>>(),
            "estimate": isotonic::estimate(&points, Direction::Increasing),
        })
    }

    fn paired(&mut self) -> Value {
        let [both, first, second, neither] = [0; 4].map(|_: u64| self.size(500));
        let pairs = Pairs { both, first, second, neither };
        json!({ "pairs": [both, first, second, neither], "p_value": pairs.p_value() })
    }

    fn difference(&mut self) -> Value {
        let [first, second] = [0; 2].map(|_: u64| {
            let n = 5 + self.size(5000);
            (self.count(n), n)
        });
        let level = self.level();
        let interval = ends(difference_interval(first, second, level));
        json!({ "first": first, "second": second, "level": level, "interval": interval })
    }

    fn holm(&mut self) -> Value {
        let p_values: Vec<f64> = (0..8).map(|_| self.uniform().powi(4)).collect();
        json!({ "p_values": p_values, "adjusted": holm(&p_values) })
    }

    fn chi_squared(&mut self) -> Value {
        let freedom = 1 + self.size(300);
        let (x, noncentrality) = (3.0 * freedom as f64 * self.uniform(), 50.0 * self.uniform());
        json!({
            "x": x, "freedom": freedom, "noncentrality": noncentrality,
            "lower": chi_squared::lower(x, freedom),
            "upper": chi_squared::upper(x, freedom),
            "noncentral": chi_squared::noncentral_lower(x, freedom, noncentrality),
        })
    }

    fn normal(&mut self) -> Value {
        let p = self.uniform().powi(20);
        json!({ "p": p, "quantile": normal::quantile(p) })
    }

    fn several(&mut self, count: u32, case: impl Fn(&mut Self) -> Value) -> Vec<Value> {
        (0..count).map(|_| case(self)).collect()
    }
}

fn ends(interval: Interval) -> [f64; 2] {
    [interval.lower, interval.upper]
}

#[test]
fn statistics_agree_with_those_of_other_libraries() {
    let Some(python) = python() else { return };
    let mut cases = Cases(stream(7, &Digest::of(b"references"), Purpose::Init, 0));
    let all = json!({
        "proportion": cases.several(400, Cases::proportion),
        "sequence": cases.several(200, Cases::sequence),
        "ranks": cases.several(200, Cases::ranks),
        "incidence": cases.several(40, Cases::incidence),
        "regression": cases.several(60, Cases::regression),
        "isotonic": cases.several(100, Cases::isotonic),
        "paired": cases.several(200, Cases::paired),
        "difference": cases.several(200, Cases::difference),
        "holm": cases.several(50, Cases::holm),
        "chi_squared": cases.several(200, Cases::chi_squared),
        "normal": cases.several(200, Cases::normal),
    });
    let desk = Desk::new();
    let path = desk.write("cases.json", &all.to_string());
    run_script(&python, "references.py", &[&path]);
}
