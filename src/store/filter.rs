//! The filters of a stored chunk, as HDF5 defines them: shuffle, gzip, fletcher32.
//!
//! Packed here and not by HDF5, so that chunks are packed on all processors (HDF5 has one lock for
//! everything) and their bytes do not depend on the version of a system's zlib.

use flate2::{Compress, Compression, FlushCompress, Status};

/// Level of the gzip filter.
pub(super) const GZIP: u8 = 4;

/// Head of a zlib stream with a window of 32 KiB, and the empty last block of its end.
const ZLIB_HEAD: [u8; 2] = [0x78, 0x5e];
const ZLIB_END: [u8; 5] = [1, 0, 0, 0xff, 0xff];

/// Most bytes of a stored block of deflate.
const STORED: usize = 0xffff;

/// Bytes by which it is judged whether more of their kind will shrink.
const PROBE: usize = 1024;

/// What HDF5 stores for a chunk of items of `item` bytes.
pub(super) fn pack(chunk: &[u8], item: usize) -> Vec<u8> {
    let mut packed = gzip(&shuffle(chunk, item), chunk.len() / item);
    packed.extend(fletcher32(&packed).to_le_bytes());
    packed
}

/// First bytes of all items first, then the second ones, and so on.
fn shuffle(chunk: &[u8], item: usize) -> Vec<u8> {
    let plane = |i| chunk.iter().skip(i).step_by(item).copied();
    let mut shuffled = Vec::with_capacity(chunk.len());
    for i in 0..item {
        shuffled.extend(plane(i));
    }
    shuffled
}

/// A zlib stream of planes of `plane` bytes. Each is compressed for itself, unless a probe of it
/// does not shrink: most bytes of measured numbers are noise, and deflate is slow to find that out.
fn gzip(bytes: &[u8], plane: usize) -> Vec<u8> {
    let mut stream = Vec::with_capacity(bytes.len() + bytes.len() / 64 + 1024);
    stream.extend(ZLIB_HEAD);
    let mut encoder = Compress::new(Compression::new(GZIP.into()), false);
    for plane in bytes.chunks(plane.max(1)) {
        let probe = &plane[..plane.len().min(PROBE)];
        let start = stream.len();
        deflate(&mut encoder, probe, &mut stream);
        let shrinks = stream.len() - start < probe.len() - probe.len() / 16;
        if shrinks && probe.len() == plane.len() {
            continue;
        }
        stream.truncate(start);
        if shrinks {
            deflate(&mut encoder, plane, &mut stream);
        } else {
            store(plane, &mut stream);
        }
    }
    stream.extend(ZLIB_END);
    stream.extend(adler32(bytes).to_be_bytes());
    stream
}

/// Appends `bytes` as whole deflate blocks that refer to nothing before them.
fn deflate(encoder: &mut Compress, bytes: &[u8], stream: &mut Vec<u8>) {
    encoder.reset();
    loop {
        stream.reserve(1024 + bytes.len() / 8);
        let rest = &bytes[encoder.total_in() as usize..];
        let status = encoder.compress_vec(rest, stream, FlushCompress::Sync);
        assert!(matches!(status, Ok(Status::Ok | Status::BufError)), "deflate has no other error");
        // With room to spare, all has come out.
        if encoder.total_in() as usize == bytes.len() && stream.len() < stream.capacity() {
            return;
        }
    }
}

/// Appends `bytes` as deflate blocks that are not compressed.
fn store(bytes: &[u8], stream: &mut Vec<u8>) {
    for block in bytes.chunks(STORED) {
        let length = block.len() as u16;
        stream.push(0);
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
}

/// The checksum of zlib (RFC 1950).
fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65521;
    /// Bytes after which the sums still fit.
    const ROUND: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for round in bytes.chunks(ROUND) {
        for &byte in round {
            a += u32::from(byte);
            b += a;
        }
        a %= PRIME;
        b %= PRIME;
    }
    b << 16 | a
}

/// The checksum of HDF5's filter: of big-endian words of 16 bits, the last one filled up with zeros.
fn fletcher32(bytes: &[u8]) -> u32 {
    /// Words after which the sums still fit.
    const ROUND: usize = 360;
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut a, mut b) = (0_u32, 0_u32);
    for round in bytes.chunks(2 * ROUND) {
        for word in round.chunks(2) {
            a += u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from);
            b += a;
        }
        (a, b) = (fold(a), fold(b));
    }
    fold(b) << 16 | fold(a)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_have_their_published_values() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 20_000]), 0x9f51_d664);
        // By hand: words 6162, 6364, 6500.
        assert_eq!(fletcher32(b"abcde"), 0x4ff0_29c7);
    }

    fn noise(length: usize) -> Vec<u8> {
        let digests = (0_u64..).flat_map(|i| crate::digest::Digest::of(&i.to_le_bytes()).0);
        digests.take(length).collect()
    }

    fn unpacked(stream: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(stream).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn streams_are_zlib_and_noise_hardly_grows() {
        let noise = noise(200_000);
        let zeros = vec![0; 100_000];
        let mixed = [&noise[..50_000], &zeros[..50_000]].concat();
        for (bytes, plane) in [(&noise, 200_000), (&zeros, 50_000), (&mixed, 50_000), (&mixed, 7)] {
            let stream = gzip(bytes, plane);
            assert!(unpacked(&stream) == *bytes, "planes of {plane}");
        }
        assert!(gzip(&noise, 100_000).len() < noise.len() + 100);
        assert!(gzip(&zeros, 50_000).len() < 1000);
        assert!(gzip(&mixed, 50_000).len() < 51_000);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..9000), plane in 0_usize..9000) {
            prop_assert_eq!(unpacked(&gzip(&bytes, plane)), bytes);
        }
    }
}
