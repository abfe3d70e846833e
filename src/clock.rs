//! Where time goes: a table of wall and processor seconds by phase, for the report.
//!
//! Takes pieces of work with the phase they belong to ([`span`]); gives the table of whatever ran meanwhile ([`scope`]). What a
//! piece spends within other pieces counts there and not twice. The tables are those of the thread, and nothing but reports
//! reads them. Processor time is that of the whole process, so that threads which help with a piece count. This is the only
//! file that asks the clock.

use std::cell::RefCell;
use std::ops::{Add, AddAssign, Sub};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// What a run consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Text to tree.
    Read,
    /// Tree to circuit and equations.
    Elaborate,
    /// Order of elimination and pattern of the factors.
    Order,
    /// Operating points, those that start a transient included.
    OperatingPoint,
    /// Steps in time.
    Transient,
    /// All other analyses.
    Analysis,
    /// Files and measures.
    Write,
}

/// The phases in order, with their names.
pub const PHASES: [(Phase, &str); 7] = [
    (Phase::Read, "read"),
    (Phase::Elaborate, "elaborate"),
    (Phase::Order, "order"),
    (Phase::OperatingPoint, "operating point"),
    (Phase::Transient, "transient"),
    (Phase::Analysis, "analysis"),
    (Phase::Write, "write"),
];

/// Time that something took.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: Duration,
    /// Of all processors that worked for the process.
    pub processor: Duration,
}

impl Add for Spent {
    type Output = Spent;

    fn add(self, o: Spent) -> Spent {
        Spent { wall: self.wall + o.wall, processor: self.processor + o.processor }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, o: Spent) {
        *self = *self + o;
    }
}

impl Sub for Spent {
    type Output = Spent;

    fn sub(self, o: Spent) -> Spent {
        Spent { wall: self.wall.saturating_sub(o.wall), processor: self.processor.saturating_sub(o.processor) }
    }
}

/// Time by phase.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Ledger([Spent; PHASES.len()]);

impl Ledger {
    /// What a phase took.
    pub fn get(&self, phase: Phase) -> Spent {
        self.0[phase as usize]
    }

    /// Puts time to the account of a phase.
    pub fn add(&mut self, phase: Phase, spent: Spent) {
        self.0[phase as usize] += spent;
    }

    /// All phases together.
    pub fn total(&self) -> Spent {
        self.0.iter().fold(Spent::default(), |sum, s| sum + *s)
    }

    /// The same shares of another whole: members that ran side by side took less than the sum of their times.
    pub fn scaled_to(&self, whole: Spent) -> Ledger {
        let sum = self.total();
        let share = |part: Duration, sum: Duration, whole: Duration| {
            if sum.is_zero() { Duration::ZERO } else { whole.mul_f64(part.as_secs_f64() / sum.as_secs_f64()) }
        };
        Ledger(self.0.map(|s| Spent {
            wall: share(s.wall, sum.wall, whole.wall),
            processor: share(s.processor, sum.processor, whole.processor),
        }))
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, o: Ledger) {
        self.0.iter_mut().zip(o.0).for_each(|(a, b)| *a += b);
    }
}

/// Runs from where it is made.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    wall: Instant,
    processor: ProcessTime,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Stopwatch {
        Stopwatch { wall: Instant::now(), processor: ProcessTime::now() }
    }

    /// Time since the start.
    pub fn read(&self) -> Spent {
        Spent { wall: self.wall.elapsed(), processor: self.processor.elapsed() }
    }
}

/// Table of a thread, and what the piece of work that runs has spent within others.
#[derive(Default)]
struct Account {
    ledger: Ledger,
    within: Spent,
}

thread_local! {
    static ACCOUNT: RefCell<Account> = RefCell::default();
}

fn with<T>(change: impl FnOnce(&mut Account) -> T) -> T {
    ACCOUNT.with(|account| change(&mut account.borrow_mut()))
}

/// Does a piece of work that belongs to a phase. Costs about a microsecond: not for what is done at every step.
pub fn span<T>(phase: Phase, work: impl FnOnce() -> T) -> T {
    let outer = with(|a| std::mem::take(&mut a.within));
    let watch = Stopwatch::start();
    let result = work();
    let total = watch.read();
    with(|a| {
        a.ledger.add(phase, total - a.within);
        a.within = outer + total;
    });
    result
}

/// Does a piece of work and gives the table of what it spent in which phase.
pub fn scope<T>(work: impl FnOnce() -> T) -> (T, Ledger) {
    // A thread that waits may be given other work meanwhile, which must not mix with its own.
    let outer = with(std::mem::take);
    let result = work();
    let inner = with(|a| std::mem::replace(a, outer));
    with(|a| a.within += inner.within);
    (result, inner.ledger)
}
