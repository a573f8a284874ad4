//! How a descent goes: the method, and how its learning rate changes. Plain data; the kernels in
//! `kernel/method` compute it.

/// A method of descent (`descent.method` and its keys). `G` is the gradient at the weights `W`, `eta`
/// the learning rate of the step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Method {
    /// `W <- W - eta G`.
    #[default]
    Gradient,
    /// The heavy ball of Polyak (1964): `V <- momentum V - eta G`, `W <- W + V`, `V = 0` at first.
    Momentum {
        /// Part of the velocity that a step keeps.
        momentum: f64,
    },
    /// The accelerated gradient of Nesterov (1983) in the form of Sutskever, Martens, Dahl and Hinton
    /// (2013), followed where the gradient is taken: `V <- momentum V - eta G`,
    /// `W <- W + momentum V - eta G`, `V = 0` at first. Their iterates are `W - momentum V`.
    Nesterov {
        /// As of [`Method::Momentum`].
        momentum: f64,
    },
    /// Gradient descent with noise where the gradient is small: algorithm 1 of Jin, Ge, Netrapalli,
    /// Kakade and Jordan (2017).
    Perturbed(Perturbation),
    /// Gradient flow, `dW/dt = -G`, by an adaptive Runge-Kutta method. No learning rate.
    Flow {
        /// Error of a step, as a part of the norm of all weights.
        tolerance: f64,
        /// Time at which a trial ends undecided; infinite: none.
        max_time: f64,
    },
}

/// When [`Method::Perturbed`] perturbs, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perturbation {
    /// Norm of the gradient of all layers at or under which weights are perturbed.
    pub threshold: f64,
    /// Radius of the ball, over all weights, from which the noise is drawn uniformly.
    pub radius: f64,
    /// Steps that have to pass since the last perturbation: it comes more than so many later.
    pub interval: u64,
}

impl Method {
    /// The word in configurations, files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Momentum { .. } => "momentum",
            Self::Nesterov { .. } => "nesterov",
            Self::Perturbed(_) => "perturbed",
            Self::Flow { .. } => "flow",
        }
    }

    /// Gradients that a step takes: of a flow six, as the last stage of a step is the first of the next
    /// (those of attempts that are rejected come on top, six each); of others one (a perturbation takes
    /// another).
    pub fn gradients(self) -> u64 {
        if matches!(self, Self::Flow { .. }) { 6 } else { 1 }
    }
}

/// How the learning rate changes (`descent.schedule` and its keys): the factor of step `t`, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Schedule {
    /// 1.
    #[default]
    Constant,
    /// `factor^floor(t / steps)`.
    Step {
        /// Steps after which it falls.
        steps: u64,
        /// By what.
        factor: f64,
    },
    /// `(1 + t / steps)^-power`.
    Inverse {
        /// Steps after which it is `2^-power`.
        steps: u64,
        /// The exponent.
        power: f64,
    },
    /// `factor + (1 - factor) (1 + cos(pi min(t / steps, 1))) / 2` (Loshchilov and Hutter 2017, without
    /// restarts).
    Cosine {
        /// Steps until it is `factor`.
        steps: u64,
        /// What it comes to.
        factor: f64,
    },
    /// `min((t + 1) / steps, 1)`.
    Warmup {
        /// Steps until it is 1.
        steps: u64,
    },
}

impl Schedule {
    /// The factor of step `t`.
    pub fn factor(self, t: u64) -> f64 {
        let part = |steps: u64| t as f64 / steps as f64;
        match self {
            Self::Constant => 1.0,
            Self::Step { steps, factor } => libm::pow(factor, (t / steps) as f64),
            Self::Inverse { steps, power } => libm::pow(1.0 + part(steps), -power),
            Self::Cosine { steps, factor } => {
                let wave = libm::cos(std::f64::consts::PI * part(steps).min(1.0));
                factor + (1.0 - factor) * (0.5 * (1.0 + wave))
            }
            Self::Warmup { steps } => ((t as f64 + 1.0) / steps as f64).min(1.0),
        }
    }
}

/// A method with its schedule.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rule {
    /// The method.
    pub method: Method,
    /// The schedule of its learning rate.
    pub schedule: Schedule,
}

impl Rule {
    /// Whether this is gradient descent with a constant learning rate, which has kernels of its own.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether weights (with what the method keeps besides) that come back to the same bits come back
    /// for ever: the next state depends on nothing but the state, neither on the number of the step nor
    /// on random numbers.
    pub fn is_autonomous(&self) -> bool {
        self.schedule == Schedule::Constant && !matches!(self.method, Method::Perturbed(_))
    }

    /// Whether the descent is the same in every orthogonal basis. Noise is drawn in one basis.
    pub fn commutes(&self) -> bool {
        !matches!(self.method, Method::Perturbed(_))
    }

    /// Numbers that a trial keeps besides so many weights, its step and its time.
    pub fn memory(&self, parameters: usize) -> usize {
        match self.method {
            Method::Gradient => 0,
            Method::Momentum { .. } | Method::Nesterov { .. } => parameters,
            // The last perturbation and their number; the next length of a step and the last error.
            Method::Perturbed(_) | Method::Flow { .. } => 2,
        }
    }

    /// Copies of all weights that the method works with besides the weights.
    pub fn copies(&self) -> u64 {
        match self.method {
            Method::Gradient => 1,
            Method::Momentum { .. } | Method::Nesterov { .. } => 2,
            Method::Perturbed(_) => 2,
            Method::Flow { .. } => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors() {
        let at = |schedule: Schedule, steps: [u64; 4]| steps.map(|t| schedule.factor(t));
        let close = |got: [f64; 4], expected: [f64; 4]| {
            for (a, b) in got.iter().zip(expected) {
                assert!((a - b).abs() < 1e-15, "{got:?} {expected:?}");
            }
        };
        close(at(Schedule::Constant, [0, 1, 9, u64::MAX]), [1.0; 4]);
        let step = Schedule::Step { steps: 10, factor: 0.5 };
        close(at(step, [0, 9, 10, 35]), [1.0, 1.0, 0.5, 0.125]);
        let inverse = Schedule::Inverse { steps: 10, power: 2.0 };
        close(at(inverse, [0, 10, 30, 90]), [1.0, 0.25, 0.0625, 0.01]);
        let cosine = Schedule::Cosine { steps: 10, factor: 0.2 };
        close(at(cosine, [0, 5, 10, 99]), [1.0, 0.6, 0.2, 0.2]);
        close(at(Schedule::Warmup { steps: 4 }, [0, 1, 3, 9]), [0.25, 0.5, 1.0, 1.0]);
    }
}
