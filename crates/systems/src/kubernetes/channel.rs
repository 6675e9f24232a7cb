//! The byte stream of a port-forward: one port's two channels within a WebSocket.
//!
//! Channel 0 carries the bytes, channel 1 an error if there is one. Each begins with a frame of two bytes that repeats the
//! port, which comes before the kubelet has dialled; so that nobody listens is only learnt afterwards, as an error.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use c8dr_domain::plain::plain;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::dial::NobodyThere;

/// The most that goes into one frame.
const FRAME_BYTES_MAX: usize = 32 * 1024;

/// The longest error that is told.
const ERROR_CHARS_MAX: usize = 300;

/// One port of a pod.
pub(super) struct Channel<S> {
    socket: WebSocketStream<S>,
    /// What came and was not read yet.
    pending: Bytes,
    /// Whether the first frame of each channel came.
    is_begun: [bool; 2],
    /// Whether the pod has sent anything.
    has_heard: bool,
    has_ended: bool,
}

impl<S> Channel<S> {
    pub(super) fn new(socket: WebSocketStream<S>) -> Self {
        Channel {
            socket,
            pending: Bytes::new(),
            is_begun: [false; 2],
            has_heard: false,
            has_ended: false,
        }
    }

    /// An error that came on the error channel.
    fn failed(&self, said: &[u8]) -> io::Error {
        let said: String = plain(&String::from_utf8_lossy(said))
            .chars()
            .take(ERROR_CHARS_MAX)
            .collect();
        // Said before anything came back, it is of the kubelet's own dialling.
        if !self.has_heard && said.contains("connection refused") {
            let detail = format!("nobody listens at that port of the pod: {said}");
            return io::Error::new(io::ErrorKind::ConnectionRefused, NobodyThere { detail });
        }
        io::Error::new(
            io::ErrorKind::ConnectionReset,
            format!("the port-forward broke: {said}"),
        )
    }
}

fn broken(error: &Error) -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionReset,
        format!("the port-forward broke: {error}"),
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.pending.is_empty() {
                let length = self.pending.len().min(into.remaining());
                into.put_slice(&self.pending[..length]);
                self.pending.advance(length);
                return Poll::Ready(Ok(()));
            }
            if self.has_ended {
                return Poll::Ready(Ok(()));
            }
            let mut frame = match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(frame))) => frame,
                Some(Ok(Message::Close(_))) | None | Some(Err(Error::ConnectionClosed)) => {
                    self.has_ended = true;
                    continue;
                }
                // Pings are answered below; text is not spoken here.
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
            };
            if frame.is_empty() {
                continue;
            }
            let channel = usize::from(frame.get_u8());
            let Some(is_begun) = self.is_begun.get_mut(channel) else {
                let what = format!("a port-forward has two channels, and channel {channel} came");
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
            };
            if !*is_begun && frame.len() == 2 {
                *is_begun = true;
                continue;
            }
            match channel {
                0 => {
                    self.has_heard |= !frame.is_empty();
                    self.pending = frame;
                }
                _ if frame.is_empty() => {}
                _ => return Poll::Ready(Err(self.failed(&frame))),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let socket = Pin::new(&mut self.socket);
        ready!(socket.poll_ready(context)).map_err(|error| broken(&error))?;
        let taken = bytes.len().min(FRAME_BYTES_MAX);
        let mut frame = Vec::with_capacity(taken + 1);
        frame.push(0);
        frame.extend_from_slice(&bytes[..taken]);
        Pin::new(&mut self.socket)
            .start_send(Message::Binary(frame.into()))
            .map_err(|error| broken(&error))?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.socket).poll_flush(context)) {
            // What it was closed for is read, not written.
            Ok(()) | Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(broken(&error))),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.socket).poll_close(context)) {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(broken(&error))),
        }
    }
}
