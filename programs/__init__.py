"""What members take part in: programmes, enrolment, observations and goals."""
