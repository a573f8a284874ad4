//! Closes the image of a file: its superblock as `H5Fclose` would leave it.
//!
//! `H5Fget_file_image` clears the flag "open for writing" but leaves the checksum that was computed
//! with the flag set (so it is in HDF5 1.10), and such an image cannot be opened. The layout is that
//! of superblock version 3 in the HDF5 File Format Specification.

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
const VERSION: u8 = 3;
const FLAGS: usize = 11;
const CHECKSUM: usize = 44;

/// Clears the flags of the superblock and makes its checksum right.
///
/// # Errors
/// If the image does not begin with a superblock of version 3.
pub(super) fn close(image: &mut [u8]) -> hdf5::Result<()> {
    match image.first_chunk_mut::<{ CHECKSUM + 4 }>() {
        Some(block) if block.starts_with(&SIGNATURE) && block[SIGNATURE.len()] == VERSION => {
            block[FLAGS] = 0;
            let checksum = lookup3(&block[..CHECKSUM]);
            block[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
            Ok(())
        }
        _ => Err("the image of the file has no superblock of version 3".into()),
    }
}

/// Bob Jenkins' `hashlittle` of lookup3 with initial value 0, HDF5's checksum of metadata.
fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let mut state = [start; 3];
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, after) = rest.split_at(12);
        add(&mut state, block);
        mix(&mut state);
        rest = after;
    }
    if !rest.is_empty() {
        add(&mut state, rest);
        finish(&mut state);
    }
    state[2]
}

/// Adds up to twelve bytes, as three little-endian words filled up with zeros.
fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (i, &byte) in bytes.iter().enumerate() {
        state[i / 4] = state[i / 4].wrapping_add(u32::from(byte) << (8 * (i % 4)));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let round = |x: &mut u32, y: &mut u32, z: u32, turn: u32| {
        *x = x.wrapping_sub(*y) ^ y.rotate_left(turn);
        *y = y.wrapping_add(z);
    };
    round(a, c, *b, 4);
    round(b, a, *c, 6);
    round(c, b, *a, 8);
    round(a, c, *b, 16);
    round(b, a, *c, 19);
    round(c, b, *a, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let round = |x: &mut u32, y: u32, turn: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(turn));
    round(c, *b, 14);
    round(a, *c, 11);
    round(b, *a, 25);
    round(c, *b, 16);
    round(a, *c, 4);
    round(b, *a, 14);
    round(c, *b, 24);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the author of lookup3 gives.
    #[test]
    fn lookup3_has_its_published_values() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn refuses_what_is_no_superblock() {
        assert!(close(&mut []).is_err());
        assert!(close(&mut [0; 100]).is_err());
        let mut older = [0; 100];
        older[..8].copy_from_slice(&SIGNATURE);
        assert!(close(&mut older).is_err());
    }
}
