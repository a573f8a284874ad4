//! Integration tests, one binary.

mod adaptive;
mod arora;
mod budget;
mod calibration;
mod certificates;
mod cli;
mod compare;
mod doctor;
#[expect(unreachable_pub, reason = "the library of the fuzz targets")]
mod entries;
mod foreign;
mod invariance;
mod kernels;
mod kill;
mod landscape;
mod methods;
mod page;
mod plan;
mod program;
mod rare;
mod readers;
mod reduce;
mod references;
mod refine;
mod replay;
mod slurm;
mod starts;
mod states;
mod storage;
mod support;
mod tallies;
mod theory;
mod tidy;
mod trajectories;
mod transitions;
mod tuned;
