//! `boucle app action`: what may be done to objects of applications.

use std::collections::BTreeMap;

use api::applications::{ActionResult, ObjectAction, ObjectActions, RunAction};
use clap::Subcommand;

use super::Context;
use crate::complete;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::words::Column;

/// What may be done to objects of an application.
#[derive(Subcommand)]
pub enum ActionCommand {
    /// List what may be done now.
    List {
        /// The application.
        #[arg(add = complete::applications())]
        application: String,
        /// Only to this object: KIND/NAMESPACE/NAME, or KIND.GROUP/NAMESPACE/NAME.
        object: Option<String>,
    },
    /// Do it, and say what it changed.
    Run {
        /// The application.
        #[arg(add = complete::applications())]
        application: String,
        /// The object: KIND/NAMESPACE/NAME, or KIND.GROUP/NAMESPACE/NAME.
        object: String,
        /// The action.
        action: String,
        /// What the action asks for: name=value, as often as needed.
        #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
        parameters: Vec<(String, String)>,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &ActionCommand) -> Result<(), Failure> {
    match command {
        ActionCommand::List { application, object } => {
            let path = match object {
                Some(object) => {
                    let object = output::escape(object);
                    format!("/applications/{application}/actions?object={object}")
                }
                None => format!("/applications/{application}/actions"),
            };
            let objects: Vec<ObjectActions> = context.client.list(&path, usize::MAX).await?;
            let rows: Vec<(&ObjectActions, Option<&ObjectAction>)> =
                objects.iter().flat_map(rows).collect();
            if context.out.format != Format::Table {
                let no_cells = |_: &ObjectActions, _: &dyn crate::words::Words| Vec::new();
                context.out.many(&objects, &[], no_cells);
                return Ok(());
            }
            let columns = [Column::What, Column::Name, Column::Ready, Column::Message];
            context.out.many(&rows, &columns, |(object, action), words| {
                let name = action.map(|action| action.name.clone()).unwrap_or_default();
                let ready = action.map(|action| words.yes(action.enabled)).unwrap_or_default();
                let asks = action.map(asks).or_else(|| object.problem.clone());
                vec![object.object.clone(), name, ready.to_owned(), asks.unwrap_or_default()]
            });
        }
        ActionCommand::Run { application, object, action, parameters } => {
            let parameters: BTreeMap<String, String> = parameters.iter().cloned().collect();
            let (object, action) = (object.clone(), action.clone());
            let done = context.out.words().action_done(&action, &object);
            let body = RunAction { object, action, parameters };
            let path = format!("/applications/{application}/actions");
            let result: ActionResult = context.client.post(&path, &body).await?;
            let lines = result.fields.iter().chain(&result.created);
            let text = lines.fold(done, |text, line| format!("{text}\n  {line}"));
            context.out.one(&result, |_, _| text);
        }
    }
    Ok(())
}

fn rows(object: &ObjectActions) -> Vec<(&ObjectActions, Option<&ObjectAction>)> {
    if object.problem.is_some() {
        return vec![(object, None)];
    }
    object.actions.iter().map(|action| (object, Some(action))).collect()
}

/// `replicas=2`.
fn asks(action: &ObjectAction) -> String {
    let one = |parameter: &api::applications::ActionParameter| {
        format!("{}={}", parameter.name, parameter.default.as_deref().unwrap_or_default())
    };
    action.parameters.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        Some(_) | None => Err("it is not of the form name=value".into()),
    }
}
