//! KLU (T. Davis, SuiteSparse) by its shared library, if there is one.

use std::ffi::{c_int, c_void};

use libloading::{Library, Symbol};
use memspice::sparse::Pattern;

/// `klu_common`, as `klu.h` of SuiteSparse 5 and later declares it.
#[repr(C)]
#[derive(Clone)]
struct Common {
    tol: f64,
    memgrow: f64,
    initmem_amd: f64,
    initmem: f64,
    maxwork: f64,
    btf: c_int,
    ordering: c_int,
    scale: c_int,
    user_order: *const c_void,
    user_data: *const c_void,
    halt_if_singular: c_int,
    status: c_int,
    /// Statistics, and room for what later versions add.
    rest: [u64; 64],
}

type Defaults = unsafe extern "C" fn(*mut Common) -> c_int;
type Analyse = unsafe extern "C" fn(c_int, *const c_int, *const c_int, *mut Common) -> *mut c_void;
type Factor = unsafe extern "C" fn(*const c_int, *const c_int, *const f64, *mut c_void, *mut Common) -> *mut c_int;
type Refactor = unsafe extern "C" fn(*const c_int, *const c_int, *const f64, *mut c_void, *mut c_int, *mut Common) -> c_int;
type Solve = unsafe extern "C" fn(*mut c_void, *mut c_int, c_int, c_int, *mut f64, *mut Common) -> c_int;
type FreeSymbolic = unsafe extern "C" fn(*mut *mut c_void, *mut Common) -> c_int;
type FreeNumeric = unsafe extern "C" fn(*mut *mut c_int, *mut Common) -> c_int;

/// The functions of the library.
pub struct Oracle {
    defaults: Defaults,
    analyse: Analyse,
    factor: Factor,
    refactor: Refactor,
    solve: Solve,
    free_symbolic: FreeSymbolic,
    free_numeric: FreeNumeric,
    _library: Library,
}

impl Oracle {
    /// The library, or why there is none.
    pub fn load() -> Result<Oracle, libloading::Error> {
        // Safety: initialisers of SuiteSparse do nothing, and the types are those of its header.
        unsafe {
            let library = ["libklu.so", "libklu.so.1", "libklu.so.2", "libklu.dylib"]
                .iter()
                .map(|name| Library::new(name))
                .reduce(Result::or)
                .expect("names");
            let library = library?;
            fn get<T: Copy>(library: &Library, name: &[u8]) -> Result<T, libloading::Error> {
                unsafe { library.get(name).map(|symbol: Symbol<T>| *symbol) }
            }
            Ok(Oracle {
                defaults: get(&library, b"klu_defaults")?,
                analyse: get(&library, b"klu_analyze")?,
                factor: get(&library, b"klu_factor")?,
                refactor: get(&library, b"klu_refactor")?,
                solve: get(&library, b"klu_solve")?,
                free_symbolic: get(&library, b"klu_free_symbolic")?,
                free_numeric: get(&library, b"klu_free_numeric")?,
                _library: library,
            })
        }
    }
}

/// A matrix factored by KLU: block triangular form, minimum degree, no scaling.
pub struct Klu<'a> {
    oracle: &'a Oracle,
    pub n: usize,
    columns: Vec<c_int>,
    rows: Vec<c_int>,
    /// Slots of the entries that are not zero.
    slots: Vec<usize>,
    values: Vec<f64>,
    common: Common,
    symbolic: *mut c_void,
    numeric: *mut c_int,
}

impl<'a> Klu<'a> {
    /// Analysis and first factorisation. Entries that are exactly zero are left out, as the solver here does.
    pub fn new(oracle: &'a Oracle, pattern: &Pattern, values: &[f64]) -> Klu<'a> {
        let slots: Vec<usize> = (0..pattern.len()).filter(|s| values[*s] != 0.0).collect();
        let columns = pattern.columns.iter().map(|c| slots.partition_point(|s| *s < *c as usize) as c_int).collect();
        let rows = slots.iter().map(|s| pattern.rows[*s] as c_int).collect();
        let values: Vec<f64> = slots.iter().map(|s| values[*s]).collect();
        let null = std::ptr::null();
        let common = Common {
            tol: 0.0,
            memgrow: 0.0,
            initmem_amd: 0.0,
            initmem: 0.0,
            maxwork: 0.0,
            btf: 0,
            ordering: 0,
            scale: 0,
            user_order: null,
            user_data: null,
            halt_if_singular: 0,
            status: 0,
            rest: [0; 64],
        };
        let (symbolic, numeric) = (std::ptr::null_mut(), std::ptr::null_mut());
        let mut klu = Klu { oracle, n: pattern.n, columns, rows, slots, values, common, symbolic, numeric };
        // Safety: the arrays are those of a matrix in compressed columns; the library keeps none of them.
        unsafe {
            (oracle.defaults)(&mut klu.common);
            klu.common.scale = 0;
            klu.symbolic = (oracle.analyse)(klu.n as c_int, klu.columns.as_ptr(), klu.rows.as_ptr(), &mut klu.common);
            let (p, i, x) = (klu.columns.as_ptr(), klu.rows.as_ptr(), klu.values.as_ptr());
            klu.numeric = (oracle.factor)(p, i, x, klu.symbolic, &mut klu.common);
        }
        assert!(!klu.symbolic.is_null() && !klu.numeric.is_null(), "KLU: status {}", klu.common.status);
        klu
    }

    /// New values, old pivots. The time includes picking the values that are not zero where some are.
    pub fn refactor(&mut self, values: &[f64]) {
        let mut from = values.as_ptr();
        if self.slots.len() + 1 != values.len() {
            for (value, slot) in self.values.iter_mut().zip(&self.slots) {
                *value = values[*slot];
            }
            from = self.values.as_ptr();
        }
        let (p, i) = (self.columns.as_ptr(), self.rows.as_ptr());
        // Safety: as above; there are as many values as entries.
        let done = unsafe { (self.oracle.refactor)(p, i, from, self.symbolic, self.numeric, &mut self.common) };
        assert_eq!(done, 1, "KLU: status {}", self.common.status);
    }

    pub fn solve(&mut self, b: &mut [f64]) {
        let n = self.n as c_int;
        // Safety: b has n entries.
        unsafe { (self.oracle.solve)(self.symbolic, self.numeric, n, 1, b.as_mut_ptr(), &mut self.common) };
    }

    /// Stored entries of L and U.
    pub fn entries(&self) -> usize {
        // Safety: `klu_numeric` begins with the integers n, nblocks, lnz, unz.
        unsafe { (*self.numeric.add(2) + *self.numeric.add(3)) as usize }
    }
}

impl Drop for Klu<'_> {
    fn drop(&mut self) {
        // Safety: both were made by this library.
        unsafe {
            (self.oracle.free_numeric)(&mut self.numeric, &mut self.common);
            (self.oracle.free_symbolic)(&mut self.symbolic, &mut self.common);
        }
    }
}
