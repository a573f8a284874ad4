//! Loss and gradient at weights that move as a method wants: the products of [`Chain`] on panels, always
//! in double precision, with the same bits on every processor.

use super::buffer::Buffer;
use super::gemm::Chain;
use super::panel::Panels;
use super::simd::{Simd, Work};
use super::single::Trial;
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// The layers of a network, or what has their shape: a gradient, a velocity. Zero outside the layers.
pub(super) type Layers = Vec<Buffer<f64>>;

/// The loss of one trial as a function of its weights.
pub(super) trait Slope: Send {
    /// Takes the weights and the problem of a trial.
    fn load(&mut self, weights: &Weights, problem: &Problem);

    /// The weights.
    fn weights(&self) -> &Layers;

    /// The weights, to be changed.
    fn weights_mut(&mut self) -> &mut Layers;

    /// The loss at the weights.
    fn loss(&mut self) -> f64;

    /// Writes `-G` at the weights into `descent`.
    fn descent(&mut self, descent: &mut Layers);

    /// Copies layers into weights of the network's shape.
    fn unload(&self, layers: &Layers, weights: &mut Weights);

    /// Copies weights into layers.
    fn put(&self, weights: &Weights, layers: &mut Layers);
}

/// [`Slope`] by the chain of products.
pub(super) struct OnPanels<S: Simd<f64>> {
    chain: Chain<f64, S, Panels<S>>,
    /// The loss at the weights, if it is known.
    loss: Option<f64>,
    /// Whether the products that the gradient needs are there.
    ready: bool,
}

impl<S: Simd<f64>> OnPanels<S> {
    /// For networks of this shape.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    pub(super) unsafe fn new(shape: &Shape) -> Self {
        // SAFETY: the caller's.
        let chain = unsafe { Chain::new(shape, 1.0, Panels::new()) };
        Self { chain, loss: None, ready: false }
    }

    /// Computes products and loss.
    fn forward(&mut self) -> f64 {
        // SAFETY: `new` was promised the instructions.
        let loss = unsafe { S::enable(Forward(&mut self.chain)) };
        (self.loss, self.ready) = (Some(loss), true);
        loss
    }

    fn forget(&mut self) {
        (self.loss, self.ready) = (None, false);
    }
}

impl<S: Simd<f64>> Slope for OnPanels<S> {
    fn load(&mut self, weights: &Weights, problem: &Problem) {
        self.chain.load(weights, problem);
        self.forget();
    }

    fn weights(&self) -> &Layers {
        self.chain.layers()
    }

    fn weights_mut(&mut self) -> &mut Layers {
        self.forget();
        self.chain.layers_mut()
    }

    fn loss(&mut self) -> f64 {
        self.loss.unwrap_or_else(|| self.forward())
    }

    fn descent(&mut self, descent: &mut Layers) {
        if !self.ready {
            self.forward();
        }
        for layer in descent.iter_mut() {
            layer.fill(0.0);
        }
        // SAFETY: as in `forward`.
        unsafe { S::enable(Backward(&mut self.chain, descent)) };
        // The residual has been carried away.
        self.ready = false;
    }

    fn unload(&self, layers: &Layers, weights: &mut Weights) {
        self.chain.copy_out(layers, weights);
    }

    fn put(&self, weights: &Weights, layers: &mut Layers) {
        self.chain.copy_in(weights, layers);
    }
}

/// Products, residual and loss.
struct Forward<'a, S: Simd<f64>>(&'a mut Chain<f64, S, Panels<S>>);

impl<S: Simd<f64>> Work for Forward<'_, S> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run(self) -> f64 {
        // SAFETY: the caller's.
        unsafe { self.0.forward() }
    }
}

/// The gradient, subtracted.
struct Backward<'a, S: Simd<f64>>(&'a mut Chain<f64, S, Panels<S>>, &'a mut Layers);

impl<S: Simd<f64>> Work for Backward<'_, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        self.0.carry(Some(self.1));
    }
}
