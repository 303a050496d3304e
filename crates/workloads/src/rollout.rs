//! How many replicas of which version to start and stop: Kubernetes' rolling update and recreate,
//! as one decision without clock or process.

use crate::model::{Deployment, IntOrText, StrategyKind};

/// A replica as far as this decision needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its number.
    pub(crate) id: u64,
    /// Whether it runs the wanted template.
    pub(crate) current: bool,
    /// Whether it is ready for at least the minimum time.
    pub(crate) available: bool,
    /// Whether it is being stopped.
    pub(crate) stopping: bool,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Step {
    /// How many replicas of the wanted template to start.
    pub(crate) start: usize,
    /// Which replicas to stop.
    pub(crate) stop: Vec<u64>,
}

/// The bounds of a rolling update, as Kubernetes resolves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) desired: usize,
    pub(crate) surge: usize,
    pub(crate) unavailable: usize,
}

impl Bounds {
    pub(crate) fn of(deployment: &Deployment) -> Self {
        let desired = deployment.replicas as usize;
        let rolling = &deployment.strategy.rolling_update;
        // Surge is rounded up, unavailability down; both zero would never move.
        let surge = share(rolling.max_surge.as_ref(), desired, true);
        let unavailable = share(rolling.max_unavailable.as_ref(), desired, false);
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        Self { desired, surge, unavailable }
    }
}

/// A quarter when nothing is said.
fn share(value: Option<&IntOrText>, of: usize, up: bool) -> usize {
    let percent = match value {
        Some(IntOrText::Int(number)) => return *number as usize,
        Some(IntOrText::Text(text)) => match text.strip_suffix('%').map(str::parse::<usize>) {
            Some(Ok(percent)) => percent,
            // A number as text; anything else counts as the default.
            Some(Err(_)) | None => return text.parse().unwrap_or(0),
        },
        None => 25,
    };
    let product = of * percent;
    if up { product.div_ceil(100) } else { product / 100 }
}

/// The next step towards the wanted number of replicas of the wanted template.
pub(crate) fn decide(kind: StrategyKind, bounds: Bounds, members: &[Member]) -> Step {
    let Bounds { desired, surge, unavailable } = bounds;
    let living: Vec<&Member> = members.iter().filter(|member| !member.stopping).collect();
    let (current, old): (Vec<&Member>, Vec<&Member>) =
        living.iter().copied().partition(|member| member.current);
    let mut step = Step::default();
    if kind == StrategyKind::Recreate {
        step.stop = old.iter().map(|member| member.id).collect();
        if members.iter().all(|member| member.current) {
            step.start = desired.saturating_sub(current.len());
        }
        step.stop.extend(surplus(&current, desired));
        return step;
    }
    step.stop = surplus(&current, desired);
    let ceiling = if old.is_empty() { desired } else { desired + surge };
    let room = ceiling.saturating_sub(living.len() - step.stop.len());
    step.start = room.min(desired.saturating_sub(current.len()));
    // Old replicas that do not work anyway make room first; they serve nobody.
    let available = |members: &[&Member]| members.iter().filter(|m| m.available).count();
    let needed = desired.saturating_sub(unavailable);
    let current_unavailable = current.len() - available(&current);
    let mut removable =
        living.len().saturating_sub(step.stop.len()).saturating_sub(needed + current_unavailable);
    for member in old.iter().filter(|member| !member.available).take(removable) {
        step.stop.push(member.id);
    }
    removable = (available(&current) + available(&old)).saturating_sub(needed);
    for member in old.iter().filter(|member| member.available).take(removable) {
        step.stop.push(member.id);
    }
    step
}

/// Those over the wanted number: the ones that do not work first, then the newest.
fn surplus(current: &[&Member], desired: usize) -> Vec<u64> {
    let mut order: Vec<&Member> = current.to_vec();
    order.sort_by_key(|member| (member.available, std::cmp::Reverse(member.id)));
    order.iter().take(current.len().saturating_sub(desired)).map(|member| member.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n`: current, `o`: old; upper case: available; followed by `-` when stopping.
    fn members(text: &str) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        for c in text.chars() {
            if c == '-' {
                members.last_mut().unwrap().stopping = true;
            } else {
                let id = members.len() as u64;
                let (current, available) = (c.eq_ignore_ascii_case(&'n'), c.is_uppercase());
                members.push(Member { id, current, available, stopping: false });
            }
        }
        members
    }

    fn check(
        desired: usize,
        surge: usize,
        unavailable: usize,
        state: &str,
        start: usize,
        stop: &[u64],
    ) {
        let bounds = Bounds { desired, surge, unavailable };
        let step = decide(StrategyKind::RollingUpdate, bounds, &members(state));
        assert_eq!(
            (step.start, step.stop.as_slice()),
            (start, stop),
            "{desired} {surge} {unavailable} {state}"
        );
    }

    #[test]
    fn a_rolling_update_keeps_the_old_until_the_new_are_available() {
        check(1, 1, 0, "", 1, &[]);
        check(1, 1, 0, "O", 1, &[]);
        check(1, 1, 0, "On", 0, &[]);
        check(1, 1, 0, "ON", 0, &[0]);
        check(1, 1, 0, "O-N", 0, &[]);
        check(3, 1, 0, "OOO", 1, &[]);
        check(3, 1, 0, "OOON", 0, &[0]);
        check(3, 1, 0, "O-OON", 1, &[]);
        check(4, 0, 1, "OOOO", 0, &[0]);
        check(4, 0, 1, "O-OOO", 1, &[]);
    }

    #[test]
    fn old_replicas_that_do_not_work_make_room() {
        check(1, 1, 0, "on", 0, &[]);
        check(2, 0, 1, "oO", 0, &[0]);
        check(3, 1, 0, "oOOn", 0, &[]);
        check(2, 1, 0, "oON", 0, &[0]);
    }

    #[test]
    fn the_number_of_replicas_follows_the_manifest() {
        check(0, 1, 0, "NN", 0, &[1, 0]);
        check(1, 1, 0, "Nn", 0, &[1]);
        check(3, 1, 1, "N", 2, &[]);
    }

    #[test]
    fn recreate_waits_until_the_old_are_gone() {
        let bounds = Bounds { desired: 1, surge: 1, unavailable: 0 };
        for (state, start, stop) in
            [("O", 0, vec![0]), ("O-", 0, vec![]), ("", 1, vec![]), ("N", 0, vec![])]
        {
            let step = decide(StrategyKind::Recreate, bounds, &members(state));
            assert_eq!(step, Step { start, stop }, "{state}");
        }
    }

    #[test]
    fn shares_are_rounded_as_kubernetes_does() {
        let percent = |text: &str| Some(IntOrText::Text(text.to_owned()));
        for (value, of, up, expected) in [
            (None, 1, true, 1),
            (None, 1, false, 0),
            (None, 10, true, 3),
            (None, 10, false, 2),
            (percent("50%"), 3, true, 2),
            (percent("50%"), 3, false, 1),
            (Some(IntOrText::Int(4)), 1, true, 4),
        ] {
            assert_eq!(share(value.as_ref(), of, up), expected, "{value:?} of {of}");
        }
    }
}
