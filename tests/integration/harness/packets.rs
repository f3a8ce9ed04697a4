//! A listener for single packets on every address of the host.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use super::origin::{anywhere, unmapped};
use super::wait::{DEADLINE, until};

/// Keeps the senders of all packets that arrive.
#[derive(Debug)]
pub(crate) struct Packets {
    port: u16,
    senders: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Packets {
    pub(crate) fn listen() -> Self {
        let socket = UdpSocket::bind(anywhere()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let senders = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&senders);
        thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((_, sender)) = socket.recv_from(&mut bytes) {
                keep.lock().unwrap().push(unmapped(sender));
            }
        });
        Self { port, senders }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends a packet from the host, and returns the senders of all that arrived before it.
    pub(crate) fn senders(&self) -> Vec<SocketAddr> {
        let control = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let local = control.local_addr().unwrap();
        control
            .send_to(b"control", (Ipv4Addr::LOCALHOST, self.port))
            .unwrap();
        until("the control packet arrives", DEADLINE, || {
            let senders = self.senders.lock().unwrap();
            let at = senders.iter().position(|sender| *sender == local)?;
            Some(
                senders[..at]
                    .iter()
                    .filter(|sender| !sender.ip().is_loopback())
                    .copied()
                    .collect(),
            )
        })
    }
}
