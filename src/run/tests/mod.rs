//! Tests of whole runs.

mod damage;
mod faults;
