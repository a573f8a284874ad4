//! Integration tests, one binary.

mod adaptive;
mod advice;
mod analysis;
mod arora;
mod book;
mod budget;
mod calibration;
mod certificates;
mod cli;
mod compare;
mod doctor;
#[expect(unreachable_pub, reason = "the library of the fuzz targets")]
mod entries;
mod export;
mod figures;
mod foreign;
mod format;
mod invariance;
mod kernels;
mod kill;
mod landscape;
mod law;
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
#[cfg(unix)]
mod terminal;
mod theory;
mod tidy;
mod trajectories;
mod transitions;
mod tuned;
