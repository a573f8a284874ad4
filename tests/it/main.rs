//! Integration tests, one binary.

mod cli;
mod invariance;
mod kernels;
mod program;
mod readers;
mod replay;
mod support;
mod theory;
mod tidy;
