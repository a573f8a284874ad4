//! Integration tests, one binary.

mod kernels;
mod support;
mod theory;
