//! The formats that tables are written in.

use std::path::Path;

use super::{Heading, Piece, csv, netcdf, parquet};
use crate::store::io::NewFile;
use crate::{Error, Result};

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet, compressed with Snappy; a row group for each piece.
    Parquet,
    /// Comma-separated values with a header (RFC 4180), empty where there is none.
    Csv,
    /// The same, compressed with gzip.
    CsvGz,
    /// netCDF-4: variables along the dimension `row`.
    NetCdf,
}

impl Format {
    /// All of them with the endings of their names; one that ends on another comes first.
    const ENDINGS: [(&str, Self); 4] = [
        (".parquet", Self::Parquet),
        (".csv.gz", Self::CsvGz),
        (".csv", Self::Csv),
        (".nc", Self::NetCdf),
    ];

    /// The format that the ending of a name says.
    ///
    /// # Errors
    /// [`Error::Usage`] if it says none, naming those that there are.
    pub fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = Self::ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
        known.map(|(_, format)| *format).ok_or_else(|| {
            let endings = Self::ENDINGS.map(|(ending, _)| ending).join(", ");
            Error::usage(
                format!("the name {} does not say in which format it is to be", path.display()),
                Some(format!("it has to end on one of {endings}")),
            )
        })
    }

    /// Fills `file`, which is new and empty and at `path`, with a table, and gives it back. `next` gives the
    /// pieces.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be written, [`Error::Content`] if the pieces are not of as many rows
    /// as the heading says, and those of `next`.
    pub fn write(
        self,
        path: &Path,
        file: Box<dyn NewFile>,
        heading: &Heading,
        next: &mut dyn FnMut() -> Result<Option<Piece>>,
    ) -> Result<Box<dyn NewFile>> {
        let mut rows = 0;
        let mut counted = || {
            let piece = next()?;
            rows += piece.as_ref().map_or(0, Piece::rows) as u64;
            Ok(piece)
        };
        let file = match self {
            Self::Parquet => parquet::write(path, file, heading, &mut counted)?,
            Self::Csv => csv::write(path, file, heading, &mut counted)?,
            Self::CsvGz => csv::write_compressed(path, file, heading, &mut counted)?,
            Self::NetCdf => netcdf::write(path, file, heading, &mut counted)?,
        };
        if rows == heading.rows {
            return Ok(file);
        }
        let message = format!("{rows} rows came instead of {}", heading.rows);
        Err(Error::content(path, message, Some("run the command again".into())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Read};
    use std::slice::from_ref;

    use ::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::report::columns::tests::example;
    use crate::store::io::{Disk, FileSystem, OpenFile};

    /// The bytes of a table that comes in these pieces.
    fn written(format: Format, heading: &Heading, pieces: &[Piece]) -> Result<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        let mut left = pieces.iter();
        let mut next = || Ok(left.next().cloned());
        let file = format.write(&path, Disk.create_new(&path).unwrap(), heading, &mut next)?;
        drop(file);
        Ok(fs::read(&path).unwrap())
    }

    #[test]
    fn endings_tell_formats() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(of("a/rows.parquet"), Some(Format::Parquet));
        assert_eq!(of("rows.csv"), Some(Format::Csv));
        assert_eq!(of("ROWS.CSV.GZ"), Some(Format::CsvGz));
        assert_eq!(of("rows.nc"), Some(Format::NetCdf));
        for name in ["rows.gz", "rows", "parquet", "a.csv/rows", "", "rows.csv.zst"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    const CSV: &str = "cell,certificate_step,loss_final,certified,init_kind\n\
                       -7,,,0,other\n8,9,1e-300,1,two words\n";

    #[test]
    fn csv_is_empty_where_there_is_none() {
        let (heading, piece) = example();
        let bytes = written(Format::Csv, &heading, from_ref(&piece)).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), CSV);
        let bytes = written(Format::CsvGz, &heading, &[piece]).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, CSV);
    }

    #[test]
    fn parquet_has_a_row_group_for_each_piece_and_null_where_there_is_none() {
        let (mut heading, piece) = example();
        heading.rows = 4;
        let bytes = written(Format::Parquet, &heading, &[piece.clone(), piece]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.parquet");
        fs::write(&path, bytes).unwrap();
        let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        let expected = [
            "{cell: -7, certificate_step: null, loss_final: null, certified: false, init_kind: \"other\"}",
            "{cell: 8, certificate_step: 9, loss_final: 1E-300, certified: true, init_kind: \"two words\"}",
        ];
        assert_eq!(rows, [expected, expected].concat());
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let said = |key: &str| metadata.iter().find(|kv| kv.key == key).unwrap().value.clone();
        assert_eq!(said("title").as_deref(), Some("a \"title\""));
        assert_eq!(said("long_name:loss_final").as_deref(), Some("what loss_final is"));
    }

    #[test]
    fn netcdf_has_flags_for_words() {
        let (heading, piece) = example();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.nc");
        fs::write(&path, written(Format::NetCdf, &heading, &[piece]).unwrap()).unwrap();
        let file = hdf5::File::open(&path).unwrap();
        let kind = file.dataset("init_kind").unwrap();
        assert_eq!(kind.read_raw::<i8>().unwrap(), [1, 0]);
        let meanings = kind.attr("flag_meanings").unwrap();
        let meanings: hdf5::types::VarLenUnicode = meanings.read_scalar().unwrap();
        assert_eq!(meanings.as_str(), "two_words other");
        assert_eq!(file.dataset("certificate_step").unwrap().read_raw::<i64>().unwrap(), [-1, 9]);
        let losses = file.dataset("loss_final").unwrap().read_raw::<f64>().unwrap();
        assert!(losses[0].is_nan() && losses[1] == 1e-300);
    }

    /// A file for which there is no space.
    struct Full(Box<dyn NewFile>);

    impl OpenFile for Full {
        fn size(&mut self) -> io::Result<u64> {
            self.0.size()
        }
        fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
            self.0.read_at(offset, bytes)
        }
    }

    impl NewFile for Full {
        fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn set_size(&mut self, size: u64) -> io::Result<()> {
            self.0.set_size(size)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
    }

    /// netCDF is written as all files of HDF5, which has tests of its own.
    #[test]
    fn a_full_disk_is_named_as_such() {
        let (heading, piece) = example();
        let dir = tempfile::tempdir().unwrap();
        let streams = |(_, format): &(&str, Format)| *format != Format::NetCdf;
        for (ending, format) in Format::ENDINGS.into_iter().filter(streams) {
            let path = dir.path().join(format!("table{ending}"));
            let file = Box::new(Full(Disk.create_new(&path).unwrap()));
            let mut left = Some(piece.clone());
            let error = format.write(&path, file, &heading, &mut || Ok(left.take())).err().unwrap();
            let Error::Storage { source, help, .. } = error else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{ending}");
            assert!(help.unwrap().contains("free space"));
        }
    }

    #[test]
    fn equal_tables_are_equal_bytes_and_missing_rows_are_an_error() {
        let (heading, piece) = example();
        for format in Format::ENDINGS.map(|(_, format)| format) {
            let once = written(format, &heading, from_ref(&piece)).unwrap();
            assert!(once == written(format, &heading, from_ref(&piece)).unwrap(), "{format:?}");
            assert!(written(format, &heading, &[]).is_err(), "{format:?}");
        }
        let error = written(Format::Csv, &heading, &[piece.clone(), piece]).unwrap_err();
        assert!(error.to_string().contains("4 rows came instead of 2"), "{error}");
    }
}
