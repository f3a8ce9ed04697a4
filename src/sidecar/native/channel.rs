//! From the keeper to the sidecar: the socket that it listens on, and its settings, once.

use std::io::{BufRead as _, BufReader, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, bail};
use bottle_contract::config::SidecarConfig;
use bottle_contract::control::Reply;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::limits::MESSAGE_BYTES;

/// What a sidecar gets from its keeper.
#[derive(Debug)]
pub struct Handed {
    /// Its settings.
    pub config: SidecarConfig,
    /// The socket in the agent's network.
    pub listener: TcpListener,
    /// Where the answer goes, and which closes when the keeper ends.
    pub keeper: UnixStream,
}

/// Hands the socket and the settings over, and returns the answer.
pub(super) fn hand_over(
    channel: &UnixStream,
    listener: TcpListener,
    config: &SidecarConfig,
) -> anyhow::Result<Reply> {
    send_descriptor(channel, &listener)?;
    drop(listener);
    let mut line = serde_json::to_vec(config)?;
    line.push(b'\n');
    let mut stream = channel;
    stream
        .write_all(&line)
        .context("the sidecar does not take its settings")?;
    let mut answer = String::new();
    BufReader::new(stream)
        .take(MESSAGE_BYTES)
        .read_line(&mut answer)
        .context("the sidecar gives no answer")?;
    if answer.is_empty() {
        bail!("the sidecar ended before it served");
    }
    serde_json::from_str(&answer).context("the sidecar gave an answer that does not fit")
}

/// Takes what [`hand_over`] sends.
pub(super) fn take(channel: UnixStream) -> anyhow::Result<Handed> {
    let listener = receive_descriptor(&channel)?;
    let mut line = Vec::new();
    BufReader::new(&channel)
        .take(MESSAGE_BYTES)
        .read_until(b'\n', &mut line)
        .context("cannot read the settings")?;
    let Ok(config) = serde_json::from_slice(&line) else {
        // The parser's own message may quote a secret.
        bail!("the settings cannot be understood");
    };
    Ok(Handed {
        config,
        listener: TcpListener::from(listener),
        keeper: channel,
    })
}

/// Answers the keeper.
pub(crate) fn answer(mut keeper: &UnixStream, reply: &Reply) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    keeper.write_all(&line).context("cannot answer the keeper")
}

fn send_descriptor(channel: &UnixStream, listener: &TcpListener) -> anyhow::Result<()> {
    let descriptors = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        bail!("there is no room for the socket");
    }
    let byte = [IoSlice::new(b"\n")];
    sendmsg(channel, &byte, &mut control, SendFlags::empty())
        .map(drop)
        .context("cannot hand the socket over")
}

fn receive_descriptor(channel: &UnixStream) -> anyhow::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0; 1];
    let mut buffers = [IoSliceMut::new(&mut byte)];
    recvmsg(channel, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC)
        .context("cannot take the socket")?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            return descriptors.next().context("the keeper handed nothing over");
        }
    }
    bail!("the keeper ended before it handed the socket over")
}
