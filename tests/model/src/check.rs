//! The two ways to check a model: every schedule, or many.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use loom::model::Builder;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

use crate::thread::STACK_BYTES;
use crate::{CHECKER, Checker, spawn};

/// Runs `model` with every schedule of its threads, by loom; returns how many there were. It may start three threads.
///
/// # Panics
/// With the first schedule that panics, or in which all threads wait.
pub fn explore(name: &str, model: impl Fn() + Clone + Send + Sync + 'static) -> usize {
    explore_by(name, None, model)
}

/// As [`explore`], of a model with too many schedules for it: those in which threads are interrupted `preemptions` times
/// at most.
///
/// # Panics
/// As [`explore`].
pub fn explore_some(
    name: &str,
    preemptions: usize,
    model: impl Fn() + Clone + Send + Sync + 'static,
) -> usize {
    explore_by(name, Some(preemptions), model)
}

fn explore_by(
    name: &str,
    preemptions: Option<usize>,
    model: impl Fn() + Clone + Send + Sync + 'static,
) -> usize {
    HOOKS.call_once(install_hooks);
    let _guard = Guard::set(Checker::Loom);
    let count = Arc::new(AtomicUsize::new(0));
    let mut builder = Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = preemptions;
    let counted = Arc::clone(&count);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        // The first thread's stack is small, and its size fixed.
        spawn(model.clone()).join();
    });
    let count = count.load(Ordering::Relaxed);
    let bound = preemptions.map_or(String::new(), |most| {
        format!(" with at most {most} preemptions")
    });
    println!("model: {name}: every schedule{bound}, {count}");
    count
}

/// Runs `model` with [`schedules`] schedules, by shuttle: half of them at random, half by PCT, which changes the
/// thread's priorities at few points and so finds what needs a certain order. Returns how many there were.
///
/// # Panics
/// With the first schedule that panics, or in which all threads wait; it is printed.
pub fn sample(name: &str, model: impl Fn() + Clone + Send + Sync + 'static) -> usize {
    HOOKS.call_once(install_hooks);
    let _guard = Guard::set(Checker::Shuttle);
    let half = schedules().div_ceil(2);
    let count = run(RandomScheduler::new_from_seed(SEED, half), model.clone())
        + run(PctScheduler::new_from_seed(SEED, PCT_DEPTH, half), model);
    println!("model: {name}: {count} schedules");
    count
}

/// How many schedules [`sample`] tries: 10,000, or as many as `WS_MODEL_SCHEDULES` says.
///
/// # Panics
/// If that is no number.
pub fn schedules() -> usize {
    env::var("WS_MODEL_SCHEDULES").map_or(10_000, |text| {
        text.parse().expect("WS_MODEL_SCHEDULES is a number")
    })
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    Runner::new(scheduler, config).run(model)
}

/// Each checker puts its hook for panics before the one it finds, once. Loom ends its threads by panics that only its own
/// hook keeps quiet about, so that must come last.
fn install_hooks() {
    run(RandomScheduler::new_from_seed(SEED, 1), || {});
    loom::model(|| {});
}

/// Puts the checker of this thread back, also after a panic.
struct Guard;

impl Guard {
    fn set(checker: Checker) -> Self {
        CHECKER.set(Some(checker));
        Self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        CHECKER.set(None);
    }
}

static HOOKS: Once = Once::new();
/// The same schedules each time: a failure stays until it is repaired.
const SEED: u64 = 6455;
/// Changes of priority in a schedule of PCT.
const PCT_DEPTH: usize = 3;
