//! What every launcher must do, asked of Cloud Run; and what only Cloud Run can have happen.

use longshore_conformance::cloud_run::stand;

longshore_conformance::conformance!(stand(&[]));
