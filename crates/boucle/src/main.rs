//! The `boucle` program: chooses between the server, the command line and the sandbox's helper.

mod lint_here;
mod run_here;
mod workflows_here;

use std::process::ExitCode;
use std::time::Instant;

use cli::{Exit, Failure, Invocation, UpArguments};

/// A server keeps many small objects of very different ages, which the C library's allocator spreads over
/// an arena for each thread. How this one is set up stands in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let started = Instant::now();
    // A sandbox is prepared before anything starts a thread.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == sandbox::HELPER_ARGUMENT) {
        sandbox::helper_main();
    }
    // Jsonnet is evaluated by this program too, inside of a sandbox.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == server::JSONNET_ARGUMENT) {
        server::jsonnet_main();
    }
    // Every TLS connection of the program uses this provider; a second installation cannot happen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let invocation = cli::invocation();
    let out = invocation.out();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(execute(invocation, started)),
        Err(error) => {
            cli::report(out, &Failure::Other(error.into()));
            Exit::Failed
        }
    };
    ExitCode::from(exit as u8)
}

async fn execute(invocation: Invocation, started: Instant) -> Exit {
    let out = invocation.out();
    let result = match invocation {
        Invocation::Client(arguments) => return cli::execute(*arguments).await,
        Invocation::Up(up) => up_here(up, out, started).await,
        Invocation::RunHere(local, out) => run_here::execute(&local, out).await,
        Invocation::LintHere(wanted, out) => lint_here::execute(&wanted, out),
    };
    result.unwrap_or_else(|failure| {
        cli::report(out, &failure);
        failure.exit()
    })
}

async fn up_here(up: UpArguments, out: cli::Output, started: Instant) -> Result<Exit, Failure> {
    server::log_to_standard_error();
    // Jobs run elsewhere, where a relative folder is another one or none.
    let data = std::path::absolute(up.data.unwrap_or_else(cli::default_folder))
        .map_err(|error| Failure::Other(error.into()))?;
    let options = server::Options {
        data,
        port: up.port,
        demo: up.demo,
        demo_cluster: up.demo_cluster,
        metrics_url: up.metrics_url,
        kubeconfig: up.kubeconfig,
        in_cluster: up.in_cluster,
        argocd_namespace: up.argocd_namespace,
        flux_namespace: up.flux_namespace,
        helm: up.helm,
        charts_from: up.charts_from,
        renderers: up.renderer,
        secrets_key: up.secrets_key,
        require_sandbox: up.require_sandbox,
        french: up.french,
    };
    match server::run(options, started).await {
        Ok(()) => Ok(Exit::Ok),
        Err(server::StartError::InUse { folder, process }) => {
            let folder = folder.display().to_string();
            Err(Failure::Precondition(out.words().data_in_use(&folder, process)))
        }
        Err(server::StartError::Other(error)) => Err(Failure::Other(error)),
    }
}
