"""What the data say of loyalty: deals, promotion weeks, campaigns, and satisfaction."""

from analysis.strategies.evidence.campaigns import complete_journey_campaigns
from analysis.strategies.evidence.evidence import LoyaltyEvidence, loyalty_evidence
from analysis.strategies.evidence.findings import Finding

__all__ = ["Finding", "LoyaltyEvidence", "complete_journey_campaigns", "loyalty_evidence"]
