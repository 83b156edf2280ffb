//! Tests of tasks on the fake host.

mod fairness;
mod operation;
mod random;
mod task_life;
mod waking;
