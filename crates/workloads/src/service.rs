//! A Service: one loopback port that never changes, over the replicas that are ready.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ledger::ApplicationName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::event::ObjectKey;
use crate::model::{Body, IntOrText, ServicePort, container_port, selects};
use crate::state::{Inner, State, Traffic};

/// How long a connection waits for a replica to become ready before it is closed.
const WAIT_MAX: Duration = Duration::from_secs(2);
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long a client may take to notice that the replica has closed.
const CLOSE_GRACE: Duration = Duration::from_secs(1);
const BUFFER_BYTES: usize = 32 << 10;

/// A port of a Service that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) port: u16,
    /// Of the Service's manifest when this was opened.
    pub(crate) generation: u64,
    pub(crate) task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The name under which a Service's port is remembered.
pub(crate) fn place(application: &ApplicationName, key: &ObjectKey, port: u16) -> String {
    format!("{application}/{}/{}/{port}", key.namespace, key.name)
}

/// A port of a Service of an application.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) application: ApplicationName,
    pub(crate) key: ObjectKey,
    pub(crate) port: u16,
}

/// A replica that takes a connection, with the connection already counted.
pub(crate) struct Chosen {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    number: u64,
    cut: CancellationToken,
}

impl Drop for Chosen {
    fn drop(&mut self) {
        self.traffic.leave(self.number);
    }
}

/// Opens the port; an error means that somebody else has it.
pub(crate) fn listen(
    inner: &Arc<Inner>,
    route: Route,
    port: u16,
    generation: u64,
) -> io::Result<Listener> {
    let listener = bind(port)?;
    let port = listener.local_addr()?.port();
    let inner = Arc::clone(inner);
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((client, _)) => {
                    let (inner, route) = (Arc::clone(&inner), route.clone());
                    tokio::spawn(async move { serve(&inner, &route, client).await });
                }
                // Out of descriptors: the next connection may find some again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(Listener { port, generation, task })
}

pub(crate) fn bind(port: u16) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn serve(inner: &Inner, route: &Route, mut client: TcpStream) {
    // Without a replica the connection is closed, which is how a closed port looks.
    if let Some((chosen, mut replica)) = connect(inner, route).await {
        join(&chosen, &mut client, &mut replica).await;
    }
}

/// A connection to a ready replica, waiting for one for a moment.
pub(crate) async fn connect(inner: &Inner, route: &Route) -> Option<(Chosen, TcpStream)> {
    let deadline = tokio::time::Instant::now() + WAIT_MAX;
    let mut changed = inner.changed.subscribe();
    loop {
        let count = endpoints(&inner.state(), route).len();
        for _ in 0..count {
            let Some(chosen) = choose(inner, route) else { break };
            let attempt = TcpStream::connect(chosen.address);
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_MAX, attempt).await {
                // Small answers should not wait for more to come.
                let _ = stream.set_nodelay(true);
                return Some((chosen, stream));
            }
        }
        match tokio::time::timeout_at(deadline, changed.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

fn choose(inner: &Inner, route: &Route) -> Option<Chosen> {
    let state = inner.state();
    let mut endpoints = endpoints(&state, route);
    if endpoints.is_empty() {
        return None;
    }
    let index = usize::try_from(inner.number()).unwrap_or(0) % endpoints.len();
    let (address, traffic) = endpoints.swap_remove(index);
    // Counted under the lock that decides who stops: a replica that drains gets nothing new.
    let (number, cut) = traffic.enter();
    Some(Chosen { address, traffic, number, cut })
}

/// The ready replicas behind a port of a Service.
pub(crate) fn endpoints(state: &State, route: &Route) -> Vec<(SocketAddr, Arc<Traffic>)> {
    let service = state
        .applications
        .get(&route.application)
        .and_then(|application| application.objects.get(&route.key));
    let Some(Body::Service(service)) = service.map(|held| &held.body) else { return Vec::new() };
    let Some(port) = service.ports.iter().find(|port| port.port == route.port) else {
        return Vec::new();
    };
    state
        .replicas
        .values()
        .filter(|replica| {
            replica.is_ready()
                && replica.application == route.application
                && replica.workload.namespace == route.key.namespace
                && selects(&service.selector, &replica.template.metadata.labels)
        })
        .filter_map(|replica| {
            let declared = replica
                .template
                .spec
                .containers
                .iter()
                .find_map(|container| container_port(container, &target(port)))?;
            let real = replica.ports.get(&declared)?;
            Some((SocketAddr::from((Ipv4Addr::LOCALHOST, *real)), Arc::clone(&replica.traffic)))
        })
        .collect()
}

/// Kubernetes' rule: without `targetPort` it is the port itself.
fn target(port: &ServicePort) -> IntOrText {
    port.target_port.clone().unwrap_or(IntOrText::Int(u32::from(port.port)))
}

/// Copies both ways until both ends are done or the replica is drained.
pub(crate) async fn join(chosen: &Chosen, client: &mut TcpStream, replica: &mut TcpStream) {
    let _ = client.set_nodelay(true);
    let (mut client_read, mut client_write) = client.split();
    let (mut replica_read, mut replica_write) = replica.split();
    let forth = copy(chosen, true, &mut client_read, &mut replica_write);
    let back = copy(chosen, false, &mut replica_read, &mut client_write);
    let both = async {
        tokio::pin!(forth, back);
        tokio::select! {
            // The client has said all; the answer may still come.
            () = &mut forth => back.await,
            // The answer is out; a client that keeps its side open is not waited for.
            () = &mut back => {
                let _ = tokio::time::timeout(CLOSE_GRACE, forth).await;
            }
        }
    };
    tokio::select! {
        () = both => {}
        () = chosen.cut.cancelled() => {}
    }
}

async fn copy(chosen: &Chosen, from_client: bool, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    // A broken connection ends the copy like a closed one; each side sees its own end.
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        chosen.traffic.moved(chosen.number, from_client);
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
