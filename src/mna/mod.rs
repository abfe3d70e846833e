//! Circuit to equations: modified nodal analysis by banks of identical devices.
