"""Breast-ultrasound lesion segmentation: data, training, honest comparison, service. Research use only."""
