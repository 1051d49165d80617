"""The audit trail: who did what to which patient's Study, from where, with which result; and that nobody changed it."""
