//! Public IP addresses, which program versions resemble.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{goes_on, is_named};
use crate::detect::{count, ends_word};

/// Longest IP addresses as written: nothing beyond is examined, because a text may consist of
/// nothing but beginnings of addresses.
const IPV4_BYTES_MAX: usize = 15;
const IPV6_BYTES_MAX: usize = 39;

/// Parts of version and section numbers are below this; of a thousand public addresses, about one
/// has no part above it.
const VERSION_PARTS: u8 = 48;

/// Words that mark a version.
const VERSIONS: &[&[u8]] = &[b"version", b"versions", b"release", b"releases"];

/// Words that mark an IP address which could otherwise be a version.
const MACHINES: &[&[u8]] = &[b"ip", b"address", b"host", b"server"];

/// Where a public IPv4 address at `start` ends; program versions look the same.
pub(super) fn ipv4(bytes: &[u8], start: usize) -> Option<usize> {
    let most = bytes.len().min(start + IPV4_BYTES_MAX + 1);
    let is_of_address = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let length = count(bytes.get(..most)?, start, is_of_address);
    let text = std::str::from_utf8(bytes.get(start..start + length)?).ok()?;
    let text = text.trim_end_matches('.');
    let address: Ipv4Addr = text.parse().ok()?;
    let is_public = !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.octets().first() == Some(&0));
    let end = start + text.len();
    let named = |names: &[&[u8]]| names.iter().any(|name| is_named(bytes, start, name));
    let pinned = bytes.get(..start)?.ends_with(b"==");
    let is_small = address.octets().iter().all(|octet| *octet < VERSION_PARTS);
    let version = named(VERSIONS) || is_small && (pinned || !named(MACHINES));
    (is_public && !version && ends_word(bytes, end) && !goes_on(bytes, end)).then_some(end)
}

/// Where an address in the public range of IPv6, `2000::/3`, ends.
pub(super) fn ipv6(bytes: &[u8], start: usize) -> Option<usize> {
    let group = count(bytes, start, |byte| byte.is_ascii_hexdigit());
    let is_public = group == 4 && matches!(bytes.get(start), Some(b'2' | b'3'));
    if !is_public || bytes.get(start + group) != Some(&b':') {
        return None;
    }
    let most = bytes.len().min(start + IPV6_BYTES_MAX + 1);
    let is_of_address = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let length = count(bytes.get(..most)?, start, is_of_address);
    let text = std::str::from_utf8(bytes.get(start..start + length)?).ok()?;
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let documented = matches!(address.segments(), [0x2001, 0xdb8, ..]);
    (groups >= 3 && !documented && ends_word(bytes, start + length)).then_some(start + length)
}

#[cfg(test)]
mod tests {
    use crate::detect::{
        HitKind,
        tests::{check, check_kind},
    };

    #[test]
    fn public_addresses_are_found() {
        check_kind("from 81.2.69.142.", HitKind::Ip, "81.2.69.142");
        check_kind("ip=81.2.69.142", HitKind::Ip, "81.2.69.142");
        check_kind("the IP is 1.2.3.4", HitKind::Ip, "1.2.3.4");
        check_kind(
            "at 2a00:1450:4001:82a::200e now",
            HitKind::Ip,
            "2a00:1450:4001:82a::200e",
        );
        for text in [
            "127.0.0.1",
            "192.168.1.20",
            "10.0.0.1",
            "1.2.3.4.5",
            "version 1.2.3.4",
            "version 81.2.69.142",
            "pip install foo==1.2.3.4",
            "Section 1.2.3.4",
            "Python 3.11.4.1",
            "256.1.1.1",
            "2001:db8::1",
            "12:30:45",
            "a[2::3]",
            "3.14",
        ] {
            check(text, &[]);
        }
    }
}
