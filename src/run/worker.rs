//! One worker: blocks in, rows out, its kernel's lanes full in between.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::blocks::{self, MOST_OPEN};
use super::checkpoint::{Left, Trial, trial};
use super::interrupt::Interrupt;
use super::meter::{Meter, Teller};
use super::method::{self, Method};
use super::open::{Kept, Open};
use super::probe::STEPS_OF_A_START;
use crate::descent::{self, Entry, Queue};
use crate::start::Starts;
use crate::store::trajectories::Recorded;
use crate::study::{Block, Cell, Study, TrialRow, TrialState};

/// What a worker has for the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// What is kept of trials that have ended, and the operations that were made for it.
    Block(Kept, f64),
    /// Where trials are that have not.
    States(Vec<TrialState>),
    /// What was recorded of a trial, and what that was in the measure of [`Meters`](super::meter::Meters).
    Trajectory(Recorded, f64),
}

/// Works on the blocks that `next` gives until none is left, the run is interrupted, or nobody takes
/// the rows. Trials go on from where they were `left`.
pub(super) fn work(
    study: &Study,
    left: &Left,
    next: impl Fn() -> Option<Block>,
    interrupt: &Interrupt,
    sender: &Sender<Message>,
    meter: &Meter,
) {
    let mut blocks = Blocks::new(study, left, next, interrupt, sender, meter);
    while !interrupt.raised()
        && !blocks.refused
        && let Some(cell) = blocks.begin()
    {
        let mut kernel = method::kernel(cell);
        descent::run(kernel.as_mut(), &mut blocks, &study.ladder, interrupt.flag());
    }
    blocks.end();
}

/// The trials of one block after another, as long as the kernel at hand computes their cells: lanes
/// that have no trial left in a block go on with the next one.
struct Blocks<'a, N> {
    study: &'a Study,
    left: &'a Left,
    next: N,
    interrupt: &'a Interrupt,
    sender: &'a Sender<Message>,
    /// The next block, if it has been asked for already.
    waiting: Option<Block>,
    /// The starts of the cell at hand.
    starts: Option<(&'a Cell, Starts<'a>)>,
    /// Trials of the block at hand that have not begun.
    trials: Range<u64>,
    /// Blocks with trials that have not ended, and the operations that were made for those that have.
    open: Vec<(Open, f64)>,
    /// When the trials on their way were looked at last, and which these were.
    looked: Instant,
    seen: HashSet<Trial>,
    /// Nobody takes rows any more.
    refused: bool,
    teller: Teller<'a>,
    /// Operations of a step of the cell at hand.
    operations: f64,
}

impl<'a, N: Fn() -> Option<Block>> Blocks<'a, N> {
    fn new(
        study: &'a Study,
        left: &'a Left,
        next: N,
        interrupt: &'a Interrupt,
        sender: &'a Sender<Message>,
        meter: &'a Meter,
    ) -> Self {
        Self {
            study,
            left,
            next,
            interrupt,
            sender,
            waiting: None,
            starts: None,
            trials: 0..0,
            open: Vec::new(),
            looked: Instant::now(),
            seen: HashSet::new(),
            refused: false,
            teller: Teller::new(meter),
            operations: 0.0,
        }
    }

    /// Makes the cell of the next block the one at hand.
    fn begin(&mut self) -> Option<&'a Cell> {
        let block = self.waiting.take().or_else(|| (self.next)())?;
        self.starts = None;
        Some(self.open(block))
    }

    /// Makes a block the one at hand; its cell.
    fn open(&mut self, block: Block) -> &'a Cell {
        let cell = &self.study.cells[block.cell];
        if self.starts.as_ref().is_none_or(|(known, _)| known.index != cell.index) {
            self.starts = Some((cell, Starts::new(self.study.seed, cell)));
            self.operations = blocks::operations_of_step(&Method::of(cell));
        }
        self.trials = block.trials();
        self.open.push((Open::new(self.study, block), 0.0));
        cell
    }

    /// The place among the open blocks of the one that a trial is of.
    fn open_with(&self, cell: usize, trial: u64) -> usize {
        let open = self.open.iter().position(|(open, _)| open.holds(cell, trial));
        open.expect("a trial of a block that was given out")
    }

    fn send(&mut self, message: Message) {
        self.refused |= self.sender.send(message).is_err();
    }

    fn send_block(&mut self, (block, mut made): (Open, f64)) {
        for kept in block.keep() {
            // Where a block comes in pieces, the first one has all.
            self.send(Message::Block(kept, std::mem::take(&mut made)));
        }
    }

    /// Sends the rows that are there of the blocks that have not ended.
    fn end(&mut self) {
        self.teller.say();
        for block in std::mem::take(&mut self.open) {
            self.send_block(block);
        }
    }
}

impl<'a, N: Fn() -> Option<Block>> Queue<'a> for Blocks<'a, N> {
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (cell, starts) = self.starts.as_ref()?;
            if let Some(trial) = self.trials.next() {
                let state = self.left.get(&(cell.index, trial, false)).cloned();
                let entry = Entry { cell, trial, start: starts.start(trial), state };
                self.teller.begun(STEPS_OF_A_START * self.operations);
                return Some(entry);
            }
            let block = self.waiting.take().or_else(|| (self.next)())?;
            let trials: u64 = self.open.iter().map(|(open, _)| open.block().count).sum();
            let full = trials > 0 && trials + block.count > MOST_OPEN;
            if full || !method::same_kernel(cell, &self.study.cells[block.cell]) {
                self.waiting = Some(block);
                return None;
            }
            self.open(block);
        }
    }

    fn done(&mut self, cell: usize, trial: u64, row: TrialRow) {
        let at = self.open_with(cell, trial);
        self.open[at].0.put(trial, row);
        if self.open[at].0.is_complete() {
            let block = self.open.remove(at);
            self.send_block(block);
        }
    }

    fn advanced(&mut self, steps: u64, trials: usize, lanes: usize) {
        let operations = steps as f64 * self.operations;
        self.teller.stepped(operations * trials as f64, operations * lanes as f64);
    }

    fn made(&mut self, cell: usize, trial: u64, steps: u64) {
        let at = self.open_with(cell, trial);
        self.open[at].1 += (STEPS_OF_A_START + steps as f64) * self.operations;
    }

    fn is_due(&mut self) -> bool {
        let interval = Duration::from_secs_f64(self.study.storage.part_seconds);
        self.looked.elapsed() >= interval
    }

    /// Short trials are not worth a state, unless the run ends: those are kept that were on their way
    /// when they were looked at last.
    fn keep(&mut self, mut states: Vec<TrialState>) {
        let seen = states.iter().map(trial).collect();
        let seen_before = std::mem::replace(&mut self.seen, seen);
        if !self.interrupt.raised() {
            states.retain(|state| seen_before.contains(&trial(state)));
        }
        self.looked = Instant::now();
        if !states.is_empty() {
            self.send(Message::States(states));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::config::parse;
    use crate::run::blocks::Share;
    use crate::store::coverage::Coverage;
    use crate::store::part::{BlockRows, BlockTally};
    use crate::store::tally::Tally;

    // More trials than lanes, so that lanes become free in the middle of a block.
    const STUDY: &str = "trials = 60\n[network]\ninput = 3\nhidden = 3\noutput = 3\n[descent]\n\
                         max_steps = 300\n[store]\nblock = 7\n[sweep]\n\"network.depth\" = [2, 3]\n\
                         \"init.std\" = [0.1, 0.5, 0.9]";

    /// What a worker gives that is interrupted when it asks for the `at`-th block from 0, and where it
    /// leaves its other trials.
    fn kept(study: &Study, left: &Left, at: usize) -> (Vec<Kept>, Left) {
        let nothing = Coverage::new(study.cells.len());
        let blocks = RefCell::new(blocks::left(study, &nothing, Share::WHOLE).enumerate());
        let interrupt = Interrupt::new(None);
        let next = || {
            let (i, block) = blocks.borrow_mut().next()?;
            if i == at {
                interrupt.raise();
            }
            Some(block)
        };
        let (sender, receiver) = crossbeam_channel::unbounded();
        let meter = Meter::default();
        work(study, left, next, &interrupt, &sender, &meter);
        drop(sender);
        let (mut blocks, mut states, mut ended) = (Vec::new(), Left::new(), 0.0);
        for message in receiver {
            match message {
                Message::Block(kept, made) => {
                    ended += made;
                    blocks.push(kept);
                }
                Message::States(kept) => {
                    states.extend(kept.into_iter().map(|state| (trial(&state), state)));
                }
                Message::Trajectory(..) => panic!("blocks record nothing"),
            }
        }
        blocks.sort_by_key(Kept::block);
        let of_rows = operations(study, left, &blocks);
        assert!(ended >= of_rows * (1.0 - 1e-12), "{ended} of {of_rows}");
        // Besides what of others was made, which have not ended.
        let made = meter.made();
        assert!(made >= ended * (1.0 - 1e-12), "{made} of {ended}");
        assert!(at < usize::MAX || made <= ended * (1.0 + 1e-12), "{made} of {ended}");
        (blocks, states)
    }

    /// Operations of the trials of blocks that a worker has made, which were `left` on their way before.
    fn operations(study: &Study, left: &Left, blocks: &[Kept]) -> f64 {
        let of_block = |kept: &Kept| {
            let block = kept.block();
            let before = |trial| left.get(&(block.cell, trial, false)).map(|state| state.steps);
            let before: u64 = block.trials().filter_map(before).sum();
            let steps = STEPS_OF_A_START * block.count as f64 + kept.counts().steps as f64;
            let operations = blocks::operations_of_step(&Method::of(&study.cells[block.cell]));
            (steps - before as f64) * operations
        };
        blocks.iter().map(of_block).sum()
    }

    /// As [`kept`], the rows.
    fn worked(study: &Study, left: &Left, at: usize) -> (Vec<BlockRows>, Left) {
        let rows = |kept| match kept {
            Kept::Rows(rows) => rows,
            Kept::Tally(..) => panic!("rows are kept"),
        };
        let (blocks, left) = kept(study, left, at);
        (blocks.into_iter().map(rows).collect(), left)
    }

    /// That rows are those of the first trials of their block, run alone.
    fn assert_alone(study: &Study, BlockRows { block, rows }: &BlockRows) {
        let cell = &study.cells[block.cell];
        let starts = Starts::new(study.seed, cell);
        let (mut kernel, go_on) = (method::kernel(cell), AtomicBool::new(false));
        let alone = descent::run_block(&mut *kernel, cell, &starts, *block, &study.ladder, &go_on);
        assert_eq!(*rows, alone, "{block:?}");
    }

    #[test]
    fn lanes_that_go_on_with_the_next_block_change_no_row() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let (rows, _) = worked(&study, &Left::new(), usize::MAX);
        assert_eq!(rows.iter().map(|rows| rows.block.count).sum::<u64>(), 360);
        rows.iter().for_each(|rows| assert_alone(&study, rows));
    }

    #[test]
    fn blocks_too_large_to_be_open_together_come_one_by_one() {
        let text = "trials = 40000\n[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 1\n\
                    [descent]\nmax_steps = 1\n[store]\nblock = 15000";
        let study = parse("study.toml", text, &[], Path::new("")).unwrap();
        let (rows, _) = worked(&study, &Left::new(), usize::MAX);
        let counts: Vec<u64> = rows.iter().map(|rows| rows.block.count).collect();
        assert_eq!(counts, [15_000, 15_000, 10_000]);
    }

    #[test]
    fn cells_of_equal_steps_share_a_kernel() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let shares = |a: usize, b: usize| method::same_kernel(&study.cells[a], &study.cells[b]);
        assert!(shares(0, 0) && shares(0, 2) && !shares(0, 3));
    }

    #[test]
    fn tallies_count_whole_blocks_only() {
        let rows = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let sets = ["store.rows=false".to_owned()];
        let study = parse("study.toml", STUDY, &sets, Path::new("")).unwrap();
        let (whole, _) = worked(&rows, &Left::new(), usize::MAX);
        for (at, all) in [(usize::MAX, true), (20, false), (0, false)] {
            let (kept, _) = kept(&study, &Left::new(), at);
            assert_eq!(kept.len() == whole.len(), all);
            for kept in kept {
                let rows = whole.iter().find(|rows| rows.block == kept.block()).unwrap();
                let mut tally = Tally::new(study.ladder.len());
                rows.rows.iter().for_each(|row| tally.add_row(row));
                let steps = rows.rows.iter().map(|row| row.steps).sum::<u64>();
                assert_eq!(kept.counts().steps, steps);
                let Kept::Tally(there, _) = kept else { panic!("no rows are kept") };
                assert_eq!(there, BlockTally::new(rows.block, &tally));
            }
        }
    }

    #[test]
    fn an_interrupted_worker_sends_all_rows_and_states_from_which_the_others_go_on() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        assert!(worked(&study, &Left::new(), 0).0.is_empty());
        // By the 20th block, trials of the first have ended on vectors of any width.
        let (rows, left) = worked(&study, &Left::new(), 20);
        let sent: u64 = rows.iter().map(|rows| rows.block.count).sum();
        assert!(0 < sent && sent < 140, "{sent}");
        rows.iter().for_each(|rows| assert_alone(&study, rows));

        assert!(!left.is_empty());
        let ended =
            |&(cell, trial, _): &Trial| rows.iter().any(|rows| rows.block.holds(cell, trial));
        assert!(!left.keys().any(ended));
        let (rows, _) = worked(&study, &left, usize::MAX);
        assert_eq!(rows.iter().map(|rows| rows.block.count).sum::<u64>(), 360);
        rows.iter().for_each(|rows| assert_alone(&study, rows));
    }
}
