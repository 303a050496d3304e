//! Faults: what happens around Boucle and its clusters while a run is stormy.

use super::options::Storms;
use super::simulation::Simulation;

/// Longer than the longest wait between attempts, and than a bad roll-out takes to be called so.
const QUIET_TICKS: u64 = 20;

impl Simulation {
    /// One second with everything that can go wrong.
    pub(crate) fn stormy_step(&mut self) {
        self.step();
        self.others();
        self.faults();
        for name in self.names() {
            if self.chances.deciders.once_in(3) {
                self.render(&name);
            }
            // Two of them: each looks for itself and records when it gets to it.
            for decider in 0..2 {
                if self.chances.deciders.once_in(3) {
                    let late = self.chances.deciders.below(4);
                    self.look(decider, &name, late);
                }
            }
        }
    }

    /// Without faults, until nothing happens any more, or for as long as the calm may take.
    pub(crate) fn come_to_rest(&mut self) {
        let (mut quiet, mut facts) = (0, self.ledger.facts().len());
        for _ in 0..self.options.calm_ticks {
            self.calm_step();
            let is_quiet = self.ledger.facts().len() == facts
                && self.network.is_empty()
                && self.process.operations.is_empty();
            (quiet, facts) = (if is_quiet { quiet + 1 } else { 0 }, self.ledger.facts().len());
            if quiet > QUIET_TICKS {
                return;
            }
        }
    }

    /// One second without faults.
    fn calm_step(&mut self) {
        self.step();
        for name in self.names() {
            self.render(&name);
            self.look(0, &name, 0);
        }
        self.flush();
    }

    /// The storm is over: everything answers, and what was under way arrives.
    pub(crate) fn begin_calm(&mut self) {
        self.storms = Storms::NONE;
        for cluster in &mut self.clusters {
            cluster.server.unreachable_until = 0;
            cluster.server.busy_until = 0;
        }
    }

    fn faults(&mut self) {
        let (storms, faults) = (self.storms, &mut self.chances.faults);
        let cluster = faults.below(2) as usize;
        let server = &mut self.clusters[cluster].server;
        if storms.servers && faults.once_in(70) {
            server.unreachable_until = self.tick + 1 + faults.below(20);
            // Some come back without what they remembered of changes.
            if faults.once_in(2) {
                server.restart();
            }
        }
        if storms.servers && faults.once_in(50) {
            server.busy_until = self.tick + 1 + faults.below(6);
        }
        if storms.servers && faults.once_in(120) {
            // Forth only: the server's clock never goes back.
            self.clock_skew_ms += 20_000;
        }
        if storms.kills && faults.once_in(70) {
            self.kill();
        }
    }
}
