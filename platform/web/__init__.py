"""What both faces share: sessions, security headers, errors, languages, pictures."""
