//! Integration tests, one binary.

mod cli;
mod doctor;
mod entries;
mod foreign;
mod invariance;
mod kernels;
mod kill;
mod plan;
mod program;
mod readers;
mod reduce;
mod replay;
mod slurm;
mod states;
mod storage;
mod support;
mod theory;
mod tidy;
