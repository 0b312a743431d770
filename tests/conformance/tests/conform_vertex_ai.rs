//! What every launcher must do, asked of Vertex AI.

use longshore_conformance::vertex_ai::stand;

longshore_conformance::conformance!(stand(&[]));
