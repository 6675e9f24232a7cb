//! The third ring, beside those of the storm: the real engine, the real adapters down to their dialer, and the lab behind
//! servers of its own, on a simulated network of hosts. Nothing of it is for others to use: it is all in `tests/sockets`.
//!
//! It has a room of its own because the simulator, turmoil, turns on features of tokio that nothing else here needs, and
//! whoever is built together with it would be built with them.
