//! The shape of `spec.strategy`: whether the applications of a set change together or step by step.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::rollout::{AtOnce, LabelRule, StepRule, Steps};

/// `spec.strategy`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Strategy {
    #[serde(rename = "type")]
    kind: StrategyKind,
    rolling_sync: Option<RollingSync>,
    deletion_order: DeletionOrder,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum StrategyKind {
    #[default]
    AllAtOnce,
    RollingSync,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum DeletionOrder {
    #[default]
    AllAtOnce,
    Reverse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollingSync {
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    #[serde(default)]
    match_expressions: Vec<Expression>,
    #[serde(default)]
    max_update: MaxUpdate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum MaxUpdate {
    #[default]
    Absent,
    Number(u64),
    Text(String),
}

/// The steps that a strategy asks for; `None`: everything changes at once.
pub(super) fn steps(strategy: Strategy) -> Result<Option<Steps>, String> {
    let Strategy { kind, rolling_sync, deletion_order } = strategy;
    let is_reversed = deletion_order == DeletionOrder::Reverse;
    match (kind, rolling_sync) {
        (StrategyKind::AllAtOnce, None) if is_reversed => Err("`spec.strategy.deletionOrder: \
            Reverse` goes by the steps of a `RollingSync`; add them or remove it"
            .into()),
        (StrategyKind::AllAtOnce, None) => Ok(None),
        (StrategyKind::AllAtOnce, Some(_)) => Err("`spec.strategy.rollingSync` counts with \
            `type: RollingSync` only; write that type or remove the steps"
            .into()),
        (StrategyKind::RollingSync, Some(rolling)) if !rolling.steps.is_empty() => {
            let rules = rolling.steps.into_iter().enumerate();
            let rules = rules.map(|(index, step)| {
                rule(step)
                    .map_err(|why| format!("`spec.strategy.rollingSync.steps[{index}]`: {why}"))
            });
            Ok(Some(Steps { rules: rules.collect::<Result<_, _>>()?, is_reversed }))
        }
        (StrategyKind::RollingSync, Some(_) | None) => Err("`spec.strategy` of the type \
            `RollingSync` needs `rollingSync.steps`, without which nothing would ever be \
            synchronised"
            .into()),
    }
}

fn rule(step: Step) -> Result<StepRule, String> {
    let labels = step.match_expressions.into_iter().map(|expression| {
        let Expression { key, operator, values } = expression;
        match operator.as_str() {
            "In" => Ok(LabelRule { key, values, is_in: true }),
            "NotIn" => Ok(LabelRule { key, values, is_in: false }),
            other => Err(format!("`operator: {other}` is not known to steps; use `In` or `NotIn`")),
        }
    });
    let at_once = match step.max_update {
        MaxUpdate::Absent => AtOnce::Percent(100),
        MaxUpdate::Number(number) => AtOnce::Number(usize::try_from(number).unwrap_or(usize::MAX)),
        MaxUpdate::Text(text) => at_once(&text).ok_or_else(|| {
            format!("`maxUpdate` is `{text}`; use a number, or a percentage up to `100%`")
        })?,
    };
    Ok(StepRule { labels: labels.collect::<Result<_, _>>()?, at_once })
}

fn at_once(text: &str) -> Option<AtOnce> {
    match text.strip_suffix('%') {
        Some(percent) => {
            percent.parse().ok().filter(|percent| *percent <= 100).map(AtOnce::Percent)
        }
        None => text.parse().ok().map(AtOnce::Number),
    }
}

impl<'de> Deserialize<'de> for StrategyKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "AllAtOnce" => Ok(Self::AllAtOnce),
            "RollingSync" => Ok(Self::RollingSync),
            other => Err(D::Error::custom(format!(
                "the strategy `{other}` is not known; use `AllAtOnce` or `RollingSync`"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for DeletionOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "AllAtOnce" => Ok(Self::AllAtOnce),
            "Reverse" => Ok(Self::Reverse),
            other => Err(D::Error::custom(format!(
                "`deletionOrder` is `{other}`; use `AllAtOnce` or `Reverse`"
            ))),
        }
    }
}
