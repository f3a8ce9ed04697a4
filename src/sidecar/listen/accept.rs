//! Accepts the agent's connections, as many as there are places for.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::http1;
use super::session::{Door, Place, Session, Way};
use crate::limits;
use crate::silence::Bounded;

/// Serves a listener until the task is ended. `places` is shared by all listeners.
pub async fn serve(listener: TcpListener, door: Arc<Door>, places: Arc<Semaphore>) {
    // The semaphore is never closed; if it were, nothing more would be served.
    while let Ok(permit) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(limits::ACCEPT_PAUSE).await;
            continue;
        };
        let place = Place::new(permit, door.counters.connected());
        tokio::spawn(connection(stream, Arc::clone(&door), place));
    }
}

async fn connection(stream: TcpStream, door: Arc<Door>, place: Place) {
    let way = Way::Forward(stream.local_addr().ok());
    if let Ok(stream) = prepare(stream) {
        http1::serve(stream, Session::new(door, way, place)).await;
    }
}

fn prepare(stream: TcpStream) -> io::Result<Bounded<TcpStream>> {
    // Without it each small answer could wait 40 ms for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok(Bounded::new(stream, limits::AGENT_SILENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_socket_does_not_hold_small_packets_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _agent = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert!(!stream.nodelay().unwrap());
        let stream = stream.into_std().unwrap();
        let watched = stream.try_clone().unwrap();
        let _prepared = prepare(TcpStream::from_std(stream).unwrap()).unwrap();
        assert!(watched.nodelay().unwrap());
    }
}
