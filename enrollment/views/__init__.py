"""Pages of the enrolment: public, the resident's, the clerk's."""
