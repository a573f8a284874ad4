//! HDF5 files: only plain numbers and texts that lie in the file itself, no larger than it can hold.
//!
//! Names are followed link by link and only along plain links: a link that leaves the file, or an
//! object that does, would read other files of the user. Filters are the three that HDF5 has
//! everywhere, so that none is looked for among plugins.

use std::path::Path;

use hdf5::dataset::Layout;
use hdf5::filters::Filter;
use hdf5::{Dataset, File, Group, IndexType, IterationOrder, LinkType};

use super::{Refusal, file, plugins};

/// What HDF5 files begin with.
pub(crate) const MAGIC: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// The most that gzip can expand.
const EXPANSION: u64 = 1032;

/// What HDF5 needs besides: a whole chunk is in memory, and this much is always allowed.
const SMALL: u64 = 1 << 20;

/// An open file.
#[derive(Debug)]
pub(crate) struct Hdf5 {
    file: File,
    /// No dataset can be larger, in bytes.
    limit: u64,
}

impl Hdf5 {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        plugins::disable();
        let unreadable =
            |e: &dyn std::fmt::Display| Refusal::plain(format!("HDF5 cannot open it: {e}"));
        let length =
            file::open(path).and_then(|file| file.metadata()).map_err(|e| unreadable(&e))?;
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        Ok(Self { file, limit: length.len().saturating_mul(EXPANSION) })
    }

    /// The root group.
    pub(crate) fn root(&self) -> &Group {
        &self.file
    }

    /// Whether the root group has a link of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        !name.contains('/') && self.file.link_exists(name)
    }

    /// Names in the root group, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, Refusal> {
        links(&self.file, "/").map(|links| links.into_iter().map(|(name, _)| name).collect())
    }

    /// Refuses a file whose root group has a link that is not plain.
    pub(crate) fn refuse_links(&self) -> Result<(), Refusal> {
        match links(&self.file, "/")?.iter().find(|(_, kind)| *kind != LinkType::Hard) {
            None => Ok(()),
            Some((name, _)) => Err(not_followed(name, name)),
        }
    }

    /// A group, if all links on the way to it are plain.
    pub(crate) fn group(&self, path: &str) -> Result<Group, Refusal> {
        self.check_way(path)?;
        self.file.group(path).map_err(|_| Refusal::plain(format!("there is no group `{path}`")))
    }

    /// A dataset of plain storage that the file can hold, if all links on the way to it are plain.
    pub(crate) fn dataset(&self, path: &str) -> Result<Dataset, Refusal> {
        self.check_way(path)?;
        let dataset = self
            .file
            .dataset(path)
            .map_err(|_| Refusal::plain(format!("`{path}` is not a dataset that HDF5 can read")))?;
        check_storage(&dataset, path)?;
        self.check_size(&dataset, path)?;
        Ok(dataset)
    }

    /// Follows a path from the root, link by link.
    fn check_way(&self, path: &str) -> Result<(), Refusal> {
        let mut group = Group::clone(&self.file);
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let links = links(&group, path)?;
            match links.iter().find(|(link, _)| link == name) {
                Some((_, LinkType::Hard)) => {}
                Some(_) => return Err(not_followed(path, name)),
                None => {
                    let held = list(links.iter().map(|(link, _)| link.as_str()));
                    let message = format!("there is no dataset `{path}`");
                    let place = if links_at_top(path, name) { "at its top" } else { "beside it" };
                    return Err(Refusal::new(message, &format!("{place} the file holds {held}")));
                }
            }
            if names.peek().is_some() {
                group = group
                    .group(name)
                    .map_err(|_| Refusal::plain(format!("`{name}` in `{path}` is not a group")))?;
            }
        }
        Ok(())
    }

    /// Extents are checked before anything of their size is allocated.
    fn check_size(&self, dataset: &Dataset, path: &str) -> Result<(), Refusal> {
        let item = dataset.dtype().map_or(usize::MAX, |kind| kind.size());
        let bytes = |dims: &[usize]| {
            dims.iter().try_fold(item as u64, |bytes, &length| bytes.checked_mul(length as u64))
        };
        let shape = dataset.shape();
        // A chunk is unpacked whole, whatever is asked of it.
        let chunk = dataset.chunk().unwrap_or_default();
        let fits = |dims: &[usize], most: u64| bytes(dims).is_some_and(|bytes| bytes <= most);
        let stored = dataset.storage_size().saturating_mul(EXPANSION);
        if fits(&shape, self.limit) && fits(&chunk, stored.min(self.limit).max(SMALL)) {
            return Ok(());
        }
        let times =
            |dims: &[usize]| dims.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let chunks = if chunk.is_empty() {
            String::new()
        } else {
            format!(" in chunks of {}", times(&chunk))
        };
        let message = format!(
            "`{path}` declares {} entries of {item} bytes{chunks}, more than the file can hold",
            times(&shape)
        );
        Err(Refusal::new(message, "the file is damaged or was made to harm: write it again"))
    }
}

/// Links of a group with their kinds, sorted.
fn links(group: &Group, path: &str) -> Result<Vec<(String, LinkType)>, Refusal> {
    let links = group.links(IndexType::Name, IterationOrder::Increasing);
    let links = links.map_err(|e| {
        Refusal::plain(format!("the names on the way to `{path}` cannot be read: {e}"))
    })?;
    Ok(links.into_iter().map(|(name, link)| (name, link.link_type)).collect())
}

fn not_followed(path: &str, name: &str) -> Refusal {
    let message = format!(
        "`{path}` leads through the link `{name}`, which may leave the file and is not followed"
    );
    Refusal::new(message, "copy what it leads to into this file")
}

fn links_at_top(path: &str, name: &str) -> bool {
    path.trim_start_matches('/').split('/').next() == Some(name)
}

/// Names as a message lists them.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    /// How many a message lists.
    const LISTED: usize = 8;
    let names: Vec<String> = names.map(|name| format!("`{}`", name.escape_debug())).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > LISTED => {
            format!("{}, ... ({count} in all)", names[..LISTED].join(", "))
        }
        _ => names.join(", "),
    }
}

/// Refuses what does not lie in the file itself, or has passed other filters than HDF5's own.
fn check_storage(dataset: &Dataset, path: &str) -> Result<(), Refusal> {
    let plan = dataset.create_plist();
    let storage =
        plan.and_then(|plan| Ok((plan.get_layout()?, plan.get_external()?, plan.get_filters()?)));
    let (layout, external, filters) = storage
        .map_err(|e| Refusal::plain(format!("how `{path}` is stored cannot be read: {e}")))?;
    let inside = matches!(layout, Layout::Compact | Layout::Contiguous | Layout::Chunked);
    if !inside || !external.is_empty() {
        let message = format!("the values of `{path}` lie in another file, which is not followed");
        return Err(Refusal::new(message, "copy them into this file"));
    }
    let own = |filter: &&Filter| {
        !matches!(filter, Filter::Shuffle | Filter::Deflate(_) | Filter::Fletcher32)
    };
    match filters.iter().find(own) {
        None => Ok(()),
        Some(filter) => {
            let message = format!("`{path}` is stored with the filter {filter:?}");
            let help = "store it uncompressed or with gzip; shuffle and fletcher32 are read too";
            Err(Refusal::new(message, help))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use hdf5::plist::dataset_create::VirtualMapping;
    use tempfile::TempDir;

    use super::*;

    /// A file that `fill` fills.
    fn file(dir: &TempDir, fill: impl FnOnce(&File)) -> PathBuf {
        let path = dir.path().join("file.h5");
        let file = File::create(&path).unwrap();
        fill(&file);
        file.close().unwrap();
        path
    }

    fn refusal(path: &Path, dataset: &str) -> String {
        let refusal = Hdf5::open(path).unwrap().dataset(dataset).unwrap_err();
        format!("{} | {}", refusal.message, refusal.help.unwrap_or_default())
    }

    fn plain(group: &Group, name: &str) {
        group.new_dataset_builder().with_data(&[1.0, 2.0]).create(name).unwrap();
    }

    #[test]
    fn plain_data_is_read() {
        let dir = TempDir::new().unwrap();
        let path = file(&dir, |file| {
            plain(file, "a");
            plain(&file.create_group("group").unwrap(), "b");
            let packed = file.new_dataset_builder().with_data(&[3.0; 1000]);
            packed.chunk(100).shuffle().deflate(9).fletcher32().create("c").unwrap();
        });
        let file = Hdf5::open(&path).unwrap();
        assert_eq!(file.names().unwrap(), ["a", "c", "group"]);
        for (name, values) in [("a", 2), ("/a", 2), ("group/b", 2), ("c", 1000)] {
            assert_eq!(file.dataset(name).unwrap().read_raw::<f64>().unwrap().len(), values);
        }
        assert!(
            refusal(&path, "d").contains("there is no dataset `d` | at its top the file holds `a`")
        );
        assert!(refusal(&path, "group/d").contains("beside it the file holds `b`"));
        assert!(refusal(&path, "a/b").contains("`a` in `a/b` is not a group"));
        assert!(refusal(&path, "group").contains("`group` is not a dataset"));
    }

    #[test]
    fn links_are_not_followed_at_any_depth() {
        let dir = TempDir::new().unwrap();
        let other = dir.path().join("other.h5");
        plain(&File::create(&other).unwrap(), "secret");
        let path = file(&dir, |file| {
            plain(file, "a");
            let group = file.create_group("group").unwrap();
            for place in [&**file, &group] {
                place.link_external("other.h5", "/secret", "external").unwrap();
                place.link_external("other.h5", "/", "elsewhere").unwrap();
                place.link_soft("/a", "soft").unwrap();
                place.link_soft("/elsewhere/secret", "detour").unwrap();
            }
        });
        for name in ["external", "elsewhere/secret", "soft", "detour"] {
            for path_to in [name.to_owned(), format!("group/{name}"), format!("/group//{name}")] {
                let said = refusal(&path, &path_to);
                assert!(said.contains("which may leave the file"), "{path_to}: {said}");
                assert!(said.contains(&format!("`{path_to}`")) && said.contains("copy"), "{said}");
            }
        }
        assert!(Hdf5::open(&path).unwrap().group("elsewhere").is_err());
    }

    #[test]
    fn values_in_other_files_are_refused() {
        let dir = TempDir::new().unwrap();
        let bytes = dir.path().join("bytes");
        fs::write(&bytes, [0; 16]).unwrap();
        let path = file(&dir, |file| {
            let external = file.new_dataset::<f64>().external(bytes.to_str().unwrap(), 0, 16);
            external.shape(2).create("external").unwrap();
            let map = VirtualMapping::new("other.h5", "secret", 2, .., 2, ..);
            let virtual_ = file.new_dataset::<f64>().virtual_map(
                map.src_filename,
                map.src_dataset,
                map.src_extents,
                map.src_selection,
                map.vds_extents,
                map.vds_selection,
            );
            virtual_.shape(2).create("virtual").unwrap();
        });
        for name in ["external", "virtual"] {
            let said = refusal(&path, name);
            assert!(said.contains(&format!("`{name}` lie in another file")), "{said}");
        }
    }

    #[test]
    fn other_filters_are_refused() {
        let dir = TempDir::new().unwrap();
        let path = file(&dir, |file| {
            let nbit = file.new_dataset::<i32>().chunk(2).nbit();
            nbit.shape(2).create("nbit").unwrap();
            let deflate = file.new_dataset_builder().with_data(&[1.0, 2.0]).chunk(2).deflate(1);
            deflate.create("plugin").unwrap();
        });
        // The filter's number is 8 bytes before its name; now it is that of a plugin (LZ4).
        let mut bytes = fs::read(&path).unwrap();
        let name = bytes.windows(8).position(|bytes| bytes == b"deflate\0").unwrap();
        assert_eq!(bytes[name - 8..name - 6], [1, 0]);
        bytes[name - 8..name - 6].copy_from_slice(&32004_u16.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        assert!(refusal(&path, "nbit").contains("`nbit` is stored with the filter NBit"));
        let said = refusal(&path, "plugin");
        assert!(said.contains("32004") && said.contains("uncompressed or with gzip"), "{said}");
    }

    #[test]
    fn extents_that_no_such_file_can_hold_are_refused() {
        let dir = TempDir::new().unwrap();
        let path = file(&dir, |file| {
            let dataset = || file.new_dataset::<f64>();
            dataset().shape((1 << 30, 1000)).create("contiguous").unwrap();
            dataset().chunk(1000).shape(1_usize << 60).create("chunked").unwrap();
            dataset().chunk(1 << 28).shape(10..).create("chunk").unwrap();
            dataset()
                .shape((1_usize << 31, 1_usize << 31))
                .chunk((1, 1))
                .create("overflow")
                .unwrap();
            // Empty chunks cost nothing.
            dataset().chunk(100).shape(1000).create("zeros").unwrap();
        });
        for name in ["contiguous", "chunked", "chunk", "overflow"] {
            let said = refusal(&path, name);
            assert!(said.contains("more than the file can hold"), "{name}: {said}");
        }
        let zeros = Hdf5::open(&path).unwrap().dataset("zeros").unwrap();
        assert_eq!(zeros.read_raw::<f64>().unwrap(), [0.0; 1000]);
    }

    #[test]
    fn what_is_no_file_of_hdf5_is_refused() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("text.h5");
        fs::write(&path, "text").unwrap();
        for path in [dir.path(), &dir.path().join("absent"), &path] {
            assert!(Hdf5::open(path).unwrap_err().message.contains("HDF5 cannot open it"));
        }
    }
}
