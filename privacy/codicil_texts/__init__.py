"""The texts of the choices as documents, one file per use; ``privacy.choice_texts`` reads them."""
