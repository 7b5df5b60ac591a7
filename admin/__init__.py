"""What employers, insurers and operators decide."""
