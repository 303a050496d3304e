//! Seeded numbers, one stream for each kind of chance, so that more of one kind changes no other.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to mix up events.
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

/// What chance decides.
#[derive(Debug, Clone)]
pub(crate) struct Chances {
    /// Which task which decider does next, and how long it hesitates.
    pub deciders: Stream,
    /// Late, lost and doubled messages.
    pub network: Stream,
    /// What people do.
    pub people: Stream,
    /// Crashes, clock jumps, silence, drift.
    pub faults: Stream,
    /// What clusters and their watches do.
    pub clusters: Stream,
}

impl Chances {
    pub(crate) fn new(seed: u64) -> Self {
        let stream = |kind: u64| {
            let mut stream = Stream(seed ^ kind.wrapping_mul(0xA24B_AED4_963E_E407));
            stream.next();
            stream
        };
        Self {
            deciders: stream(1),
            network: stream(2),
            people: stream(3),
            faults: stream(4),
            clusters: stream(5),
        }
    }
}

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
