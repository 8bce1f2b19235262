//! Mutex and condition variable, as parking_lot's: without poison, waiting on a guard by reference.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Instant;

use shuttle::rand::{Rng, thread_rng};

use crate::{Checker, checker, clock};

/// Like parking_lot's.
#[derive(Debug)]
pub struct Mutex<T>(Lock<T>);

#[derive(Debug)]
enum Lock<T> {
    Real(parking_lot::Mutex<T>),
    Loom(loom::sync::Mutex<T>),
    Shuttle(shuttle::sync::Mutex<T>),
}

/// Like parking_lot's.
pub struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    held: Held<'a, T>,
}

enum Held<'a, T> {
    Real(parking_lot::MutexGuard<'a, T>),
    Loom(loom::sync::MutexGuard<'a, T>),
    Shuttle(shuttle::sync::MutexGuard<'a, T>),
    /// While its thread waits.
    Nothing,
}

impl<T> Mutex<T> {
    /// Like parking_lot's.
    pub fn new(value: T) -> Self {
        Self(match checker() {
            None => Lock::Real(parking_lot::Mutex::new(value)),
            Some(Checker::Loom) => Lock::Loom(loom::sync::Mutex::new(value)),
            Some(Checker::Shuttle) => Lock::Shuttle(shuttle::sync::Mutex::new(value)),
        })
    }

    /// Like parking_lot's.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let held = match &self.0 {
            Lock::Real(lock) => Held::Real(lock.lock()),
            Lock::Loom(lock) => Held::Loom(lock.lock().unwrap_or_else(PoisonError::into_inner)),
            Lock::Shuttle(lock) => {
                Held::Shuttle(lock.lock().unwrap_or_else(PoisonError::into_inner))
            }
        };
        MutexGuard { lock: self, held }
    }

    /// Like parking_lot's.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = match &self.0 {
            Lock::Real(lock) => Held::Real(lock.try_lock()?),
            Lock::Loom(lock) => Held::Loom(lock.try_lock().ok()?),
            Lock::Shuttle(lock) => Held::Shuttle(lock.try_lock().ok()?),
        };
        Some(MutexGuard { lock: self, held })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.held {
            Held::Real(guard) => guard,
            Held::Loom(guard) => guard,
            Held::Shuttle(guard) => guard,
            Held::Nothing => unreachable!("a guard is lent out only while its thread waits"),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.held {
            Held::Real(guard) => guard,
            Held::Loom(guard) => guard,
            Held::Shuttle(guard) => guard,
            Held::Nothing => unreachable!("a guard is lent out only while its thread waits"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// Like parking_lot's.
#[derive(Debug)]
pub struct Condvar(Condition);

#[derive(Debug)]
enum Condition {
    Real(parking_lot::Condvar),
    Loom(loom::sync::Condvar),
    Shuttle(shuttle::sync::Condvar),
}

/// Like parking_lot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Like parking_lot's.
    pub const fn timed_out(self) -> bool {
        self.0
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    /// Like parking_lot's.
    pub fn new() -> Self {
        Self(match checker() {
            None => Condition::Real(parking_lot::Condvar::new()),
            Some(Checker::Loom) => Condition::Loom(loom::sync::Condvar::new()),
            Some(Checker::Shuttle) => Condition::Shuttle(shuttle::sync::Condvar::new()),
        })
    }

    /// Like parking_lot's.
    ///
    /// # Panics
    /// If the lock was made in another check than this.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.held = match (&self.0, std::mem::replace(&mut guard.held, Held::Nothing)) {
            (Condition::Real(condition), Held::Real(mut held)) => {
                condition.wait(&mut held);
                Held::Real(held)
            }
            (Condition::Loom(condition), Held::Loom(held)) => {
                let held = condition.wait(held);
                Held::Loom(held.unwrap_or_else(PoisonError::into_inner))
            }
            (Condition::Shuttle(condition), Held::Shuttle(held)) => {
                let held = condition.wait(held);
                Held::Shuttle(held.unwrap_or_else(PoisonError::into_inner))
            }
            _ => panic!("lock and condition variable are not of one check"),
        }
    }

    /// Like parking_lot's. In [`sample`](crate::sample) its time passes in some schedules, in
    /// [`explore`](crate::explore) never.
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        if let (Condition::Real(condition), Held::Real(held)) = (&self.0, &mut guard.held) {
            return WaitTimeoutResult(condition.wait_until(held, deadline).timed_out());
        }
        let passes = clock::now() >= deadline
            || (checker() == Some(Checker::Shuttle) && thread_rng().gen_ratio(1, 4));
        if passes {
            // Whoever comes to the lock now finds this thread not yet awake.
            guard.held = Held::Nothing;
            shuttle_or_loom_yield();
            clock::pass(deadline);
            *guard = guard.lock.lock();
        } else {
            self.wait(guard);
        }
        WaitTimeoutResult(passes)
    }

    /// Like parking_lot's.
    pub fn notify_one(&self) {
        match &self.0 {
            Condition::Real(condition) => {
                condition.notify_one();
            }
            Condition::Loom(condition) => condition.notify_one(),
            Condition::Shuttle(condition) => condition.notify_one(),
        }
    }

    /// Like parking_lot's.
    pub fn notify_all(&self) {
        match &self.0 {
            Condition::Real(condition) => {
                condition.notify_all();
            }
            Condition::Loom(condition) => condition.notify_all(),
            Condition::Shuttle(condition) => condition.notify_all(),
        }
    }
}

fn shuttle_or_loom_yield() {
    match checker() {
        Some(Checker::Shuttle) => shuttle::thread::yield_now(),
        _ => loom::thread::yield_now(),
    }
}
