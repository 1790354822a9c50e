//! The codec playing a broker on loopback, for unit tests.
