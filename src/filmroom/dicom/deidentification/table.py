"""Table E.1-1 of PS3.15, edition 2026d: what the Basic Profile does with each attribute, and which options keep it.

Attributes go by their keywords; those by their tags are younger than the dictionary. The actions are

D  a dummy value      X  removed         and of combined ones the IOD decides, by the type that the
Z  an empty value     U  another UID     attribute has there; U* is the UIDs inside of a sequence

Of the columns of options those are here that keep an attribute (K), and that of modified dates, in which the same
attributes are to be cleaned (C) as those of full dates keep. What else is to be cleaned, a person must do, and what
these columns say has no place here: descriptors, structured content, graphics, and texts of devices and patients.

To keep a sequence is to do the same in its Items (§E.1.1, K). So of Referenced Patient Sequence the UIDs stay with
Retain UIDs, and what else an Item says of the patient goes. The option keeps it in edition 2025b already, not in 2021b.
"""

# The letters of options: u UIDs, d device identity, i institution identity, p patient characteristics,
# t longitudinal temporal information.
TABLE = {
    ("D", ""): """
        ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
        AcquisitionFieldOfViewLabel FlowIdentifierSequence FlowIdentifier SourceIdentifier ContainerIdentifier
        SpecimenIdentifier PersonIdentificationCodeSequence VerifyingOrganization VerifyingObserverSequence
        VerifyingObserverName PersonName ContentSequence EncapsulatedDocument AnnotationGroupLabel
        GraphicAnnotationSequence UnformattedTextValue SelectorAEValue SelectorOBValue SelectorLOValue
        SelectorLTValue SelectorPNValue SelectorSHValue SelectorUNValue SelectorSTValue SelectorUTValue
        SelectorURValue CertificateOfSigner ReasonForTheAttributeModification DestinationAE StructureSetLabel
        RTPlanLabel TreatmentPositionGroupLabel RadiationDoseIdentificationLabel RadiationDoseInVivoMeasurementLabel
        RTToleranceSetLabel RadiationGenerationModeLabel TreatmentToleranceViolationDescription InterlockDescription
        InterlockOriginDescription UserContentLabel UserContentLongLabel EntityLabel EntityLongLabel
        RTPrescriptionLabel
    """,
    ("D", "d"): """
        XRaySourceID XRayDetectorID ModifyingSystem DeviceLabel
    """,
    ("D", "dt"): """
        BeamHoldTransitionDateTime
    """,
    ("D", "i"): """
        ClinicalTrialProtocolEthicsCommitteeName
    """,
    ("D", "p"): """
        SelectorASValue
    """,
    ("D", "t"): """
        ContextGroupVersion ContextGroupLocalVersion FrameAcquisitionDateTime FrameReferenceDateTime
        SourceStartDateTime SourceEndDateTime FunctionalSyncPulse DecayCorrectionDateTime ExclusionStartDateTime
        FrameOriginTimestamp ImpedanceMeasurementDateTime VerificationDateTime DateTime Date Time ReferencedDateTime
        AssertionDateTime EffectiveDateTime InformationIssueDateTime HangingProtocolCreationDateTime SelectorDAValue
        SelectorDTValue SelectorTMValue DigitalSignatureDateTime AttributeModificationDateTime
        TreatmentControlPointDate TreatmentControlPointTime SafePositionExitDate SafePositionExitTime
        SafePositionReturnDate SafePositionReturnTime SourceStrengthReferenceDate SourceStrengthReferenceTime
        TreatmentToleranceViolationDateTime RecordedRTControlPointDateTime InterlockDateTime OverrideDateTime
    """,
    ("D", "u"): """
        AnnotationGroupUID
    """,
    ("Z", ""): """
        AccessionNumber ReferringPhysicianName ConsultingPhysicianName PatientName PatientBirthDate
        ClinicalTrialProtocolName ClinicalTrialTimePointID StudyID IssuerOfTheContainerIdentifierSequence
        IssuerOfTheSpecimenIdentifierSequence SpecimenPreparationSequence PlacerOrderNumberImagingServiceRequest
        FillerOrderNumberImagingServiceRequest VerifyingObserverIdentificationCodeSequence ROIName ROIInterpreter
        RTAccessoryHolderSlotID RTAccessoryDeviceSlotID RadiationGenerationModeDescription
        ConceptualVolumeCombinationDescription ConceptualVolumeDescription DeviceAlternateIdentifier
        RTPhysicianIntentNarrative ReasonForSuperseding TreatmentTechniqueNotes PrescriptionNotes FractionationNotes
        PrescriptionNotesSequence
    """,
    ("Z", "d"): """
        ManufacturerDeviceIdentifier
    """,
    ("Z", "dt"): """
        CalibrationDateTime
    """,
    ("Z", "i"): """
        ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialCoordinatingCenterName SourceOfPreviousValues
    """,
    ("Z", "p"): """
        PatientSex
    """,
    ("Z", "t"): """
        StudyDate StudyTime ParticipationDateTime StructureSetDate StructureSetTime ReviewDate ReviewTime
    """,
    ("X", ""): """
        RetrieveAETitle StationAETitle ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
        ReferringPhysicianIdentificationSequence ConsultingPhysicianIdentificationSequence NetworkID
        StudyDescription SeriesDescription PhysiciansOfRecord PhysiciansOfRecordIdentificationSequence
        PerformingPhysicianName PerformingPhysicianIdentificationSequence NameOfPhysiciansReadingStudy
        PhysiciansReadingStudyIdentificationSequence AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence
        PyramidDescription 00081301 00081302 00081303 00081304 DerivationDescription IdentifyingComments 00100011
        00100012 00100013 00100014 00100015 00100016 IssuerOfPatientID PatientBirthTime 00100041 00100042 00100044
        00100045 PatientInsurancePlanCodeSequence PatientPrimaryLanguageCodeSequence
        PatientPrimaryLanguageModifierCodeSequence OtherPatientIDs OtherPatientNames OtherPatientIDsSequence
        PatientBirthName PatientAddress InsurancePlanIdentification PatientMotherBirthName MilitaryRank
        BranchOfService MedicalRecordLocator ReferencedPatientPhotoSequence MedicalAlerts Allergies
        CountryOfResidence RegionOfResidence PatientTelephoneNumbers PatientTelecomInformation Occupation
        AdditionalPatientHistory PatientReligiousPreference ResponsiblePerson ResponsibleOrganization
        PatientComments IssuerOfClinicalTrialProtocolID OtherClinicalTrialProtocolIDsSequence
        IssuerOfClinicalTrialSiteID IssuerOfClinicalTrialSubjectID IssuerOfClinicalTrialSubjectReadingID
        ClinicalTrialTimePointDescription IssuerOfClinicalTrialTimePointID ClinicalTrialSeriesID
        ClinicalTrialSeriesDescription IssuerOfClinicalTrialSeriesID
        ClinicalTrialProtocolEthicsCommitteeApprovalNumber MakerNote DeviceSettingDescription CameraOwnerName
        GPSVersionID GPSLatitudeRef GPSLatitude GPSLongitudeRef GPSLongitude GPSAltitudeRef GPSAltitude GPSTimeStamp
        GPSSatellites GPSStatus GPSMeasureMode GPSDOP GPSSpeedRef GPSSpeed GPSTrackRef GPSTrack GPSImgDirectionRef
        GPSImgDirection GPSMapDatum GPSDestLatitudeRef GPSDestLatitude GPSDestLongitudeRef GPSDestLongitude
        GPSDestBearingRef GPSDestBearing GPSDestDistanceRef GPSDestDistance GPSProcessingMethod GPSAreaInformation
        GPSDifferential AcquisitionComments RespiratoryMotionCompensationTechniqueDescription
        MultienergyAcquisitionDescription DecompositionDescription AcquisitionProtocolDescription
        RequestedSeriesDescription ContributionDescription PyramidLabel ModifiedImageDescription ImageComments
        FrameComments ImagePresentationComments StudyIDIssuer ScheduledStudyLocationAETitle ReasonForStudy
        RequestingPhysician RequestingService ReasonForVisit ReasonForVisitCodeSequence RequestedContrastAgent
        StudyComments ReferencedPatientAliasSequence AdmissionID IssuerOfAdmissionID IssuerOfAdmissionIDSequence
        ScheduledPatientInstitutionResidence DischargeDiagnosisDescription SpecialNeeds ServiceEpisodeID
        IssuerOfServiceEpisodeID ServiceEpisodeDescription IssuerOfServiceEpisodeIDSequence CurrentPatientLocation
        PatientInstitutionResidence PatientState VisitComments MultiplexGroupLabel ChannelLabel
        ChannelDerivationDescription WaveformFilterDescription FilterLookupTableDescription ScheduledStationAETitle
        ScheduledPerformingPhysicianName ScheduledProcedureStepDescription ScheduledProcedureStepID
        ScheduledPerformingPhysicianIdentificationSequence PreMedication PerformedStationAETitle PerformedLocation
        PerformedProcedureStepID PerformedProcedureStepDescription RequestAttributesSequence
        CommentsOnThePerformedProcedureStep CommentsOnRadiationDose SpecimenAccessionNumber ContainerDescription
        AcquisitionContextDescription SpecimenShortDescription SpecimenDetailedDescription SlideIdentifier
        RequestedProcedureID ReasonForTheRequestedProcedure PatientTransportArrangements RequestedProcedureLocation
        ReasonForRequestedProcedureCodeSequence NamesOfIntendedRecipientsOfResults
        IntendedRecipientsOfResultsIdentificationSequence PersonAddress PersonTelephoneNumbers
        PersonTelecomInformation RequestedProcedureComments ReasonForTheImagingServiceRequest OrderEnteredBy
        OrderEntererLocation OrderCallbackPhoneNumber OrderCallbackTelecomInformation ImagingServiceRequestComments
        ConfidentialityConstraintOnPatientDataDescription ScheduledHumanPerformersSequence
        ActualHumanPerformersSequence HumanPerformerOrganization HumanPerformerName AuthorObserverSequence
        ParticipantSequence CustodialOrganizationSequence CurrentObserverTrial VerbalSourceTrial AddressTrial
        TelephoneNumberTrial VerbalSourceIdentifierCodeSequenceTrial 0040B03B 0040B03F 0040E012 ContainerComponentID
        LongDeviceDescription AnnotationGroupDescription ContentCreatorIdentificationCodeSequence ReceivingAE
        RequestingAE IconImageSequence TopicTitle TopicSubject TopicAuthor TopicKeywords
        ReferencedDigitalSignatureSequence ReferencedSOPInstanceMACSequence MAC ModifiedAttributesSequence
        NonconformingModifiedAttributesSequence NonconformingDataElementValue OriginalAttributesSequence
        InstanceOriginStatus TextString Originator PositionAcquisitionTemplateName
        PositionAcquisitionTemplateDescription 3004007F StructureSetName StructureSetDescription ROIDescription
        ROIGenerationDescription ROICreatorSequence ROIInterpreterSequence ROIObservationLabel
        ROIObservationDescription RTPlanName RTPlanDescription TreatmentSites PrescriptionDescription
        DoseReferenceDescription FractionGroupDescription BeamDescription BolusDescription FixationDeviceDescription
        ShieldingDeviceDescription SetupTechniqueDescription CompensatorDescription
        EquipmentFrameOfReferenceDescription PatientTreatmentPreparationProcedureParameterDescription
        PatientTreatmentPreparationMethodDescription PatientSetupPhotoDescription DisplacementReferenceLabel
        ReasonForOmissionDescription EntityName EntityDescription PriorTreatmentDoseDescription Arbitrary
        TextComments ResultsID ResultsIDIssuer InterpretationRecorder InterpretationTranscriber InterpretationText
        InterpretationAuthor InterpretationApproverSequence PhysicianApprovingInterpretation
        InterpretationDiagnosisDescription ResultsDistributionListSequence DistributionName DistributionAddress
        InterpretationID InterpretationIDIssuer Impressions ResultsComments DigitalSignaturesSequence
        DataSetTrailingPadding
    """,
    ("X", "d"): """
        LensSpecification LensMake LensModel LensSerialNumber PlateID GeneratorID CassetteID GantryID
        UniqueDeviceIdentifier UDISequence SecondaryCaptureDeviceID HardcopyCreationDeviceID
        TransducerIdentificationSequence XRayDetectorLabel ModifyingDeviceID ScheduledStudyLocation
        ScheduledStationName ScheduledProcedureStepLocation PerformedStationName ScheduledStationNameCodeSequence
        ScheduledStationGeographicLocationCodeSequence PerformedStationNameCodeSequence
        PerformedStationGeographicLocationCodeSequence DeviceDescription SourceManufacturer
    """,
    ("X", "dt"): """
        CalibrationTime CalibrationDate DateOfLastCalibration TimeOfLastCalibration DateTimeOfLastCalibration
        DateOfManufacture DateOfInstallation
    """,
    ("X", "i"): """
        InstitutionAddress InstitutionalDepartmentName InstitutionalDepartmentTypeCodeSequence
    """,
    ("X", "p"): """
        00100043 00100046 00100047 PatientAge PatientSize PatientWeight EthnicGroup EthnicGroupCodeSequence 00102162
        SmokingStatus PregnancyStatus
    """,
    ("X", "t"): """
        InstanceCoercionDateTime OverlayDate CurveDate OverlayTime CurveTime TimezoneOffsetFromUTC LastMenstrualDate
        EthicsCommitteeApprovalEffectivenessStartDate EthicsCommitteeApprovalEffectivenessEndDate GPSDateStamp
        InterventionDrugStopTime InterventionDrugStartTime DateOfSecondaryCapture TimeOfSecondaryCapture
        ContrastBolusStartTime ContrastBolusStopTime RadiopharmaceuticalStartTime RadiopharmaceuticalStopTime
        RadiopharmaceuticalStartDateTime RadiopharmaceuticalStopDateTime ContributionDateTime ModifiedImageDate
        ModifiedImageTime StudyVerifiedDate StudyVerifiedTime StudyReadDate StudyReadTime ScheduledStudyStartDate
        ScheduledStudyStartTime ScheduledStudyStopDate ScheduledStudyStopTime StudyArrivalDate StudyArrivalTime
        StudyCompletionDate StudyCompletionTime ScheduledAdmissionDate ScheduledAdmissionTime ScheduledDischargeDate
        ScheduledDischargeTime AdmittingDate AdmittingTime DischargeDate DischargeTime
        ScheduledProcedureStepStartDate ScheduledProcedureStepStartTime ScheduledProcedureStepEndDate
        ScheduledProcedureStepEndTime PerformedProcedureStepStartDate PerformedProcedureStepStartTime
        PerformedProcedureStepEndDate PerformedProcedureStepEndTime IssueDateOfImagingServiceRequest
        IssueTimeOfImagingServiceRequest ScheduledProcedureStepStartDateTime
        ScheduledProcedureStepExpirationDateTime ScheduledProcedureStepModificationDateTime
        ExpectedCompletionDateTime PerformedProcedureStepStartDateTime PerformedProcedureStepEndDateTime
        ProcedureStepCancellationDateTime FindingsGroupRecordingDateTrial FindingsGroupRecordingTimeTrial
        ObservationStartDateTime 0040A034 0040A035 DateOfDocumentOrVerbalTransactionTrial
        TimeOfDocumentCreationOrVerbalTransactionTrial ObservationDateTrial ObservationTimeTrial 0040B034 0040B036
        TemplateVersion TemplateLocalVersion HL7DocumentEffectiveTime ApprovalStatusDateTime
        ProductExpirationDateTime SubstanceAdministrationDateTime AssertionExpirationDateTime
        PresentationCreationDate PresentationCreationTime SOPAuthorizationDateTime CertifiedTimestamp CreationDate
        CreationTime ROIDateTime ROIObservationDateTime IntendedFractionStartTime InterpretationRecordedDate
        InterpretationRecordedTime InterpretationTranscriptionDate InterpretationTranscriptionTime
        InterpretationApprovalDate InterpretationApprovalTime
    """,
    ("X", "u"): """
        AffectedSOPInstanceUID ReferencedPatientSequence
    """,
    ("U", ""): """
        UID DigitalSignatureUID
    """,
    ("U", "du"): """
        DeviceUID ManufacturerDeviceClassUID
    """,
    ("U", "u"): """
        RequestedSOPInstanceUID MediaStorageSOPInstanceUID ReferencedSOPInstanceUIDInFile InstanceCreatorUID
        AcquisitionUID SOPInstanceUID PyramidUID FailedSOPInstanceUIDList ReferencedSOPInstanceUID TransactionUID
        IrradiationEventUID TargetUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID
        SynchronizationFrameOfReferenceUID ConcatenationUID DimensionOrganizationUID PaletteColorLookupTableUID
        LargePaletteColorLookupTableUID MultiplexGroupUID SpecimenUID
        ReferencedGeneralPurposeScheduledProcedureStepTransactionUID ObservationUID ReferencedObservationUIDTrial
        ObservationSubjectUIDTrial TemplateExtensionOrganizationUID TemplateExtensionCreatorUID TrackingUID
        SourceFrameOfReferenceUID FiducialUID PresentationDisplayCollectionUID PresentationSequenceCollectionUID
        StorageMediaFileSetUID ReferencedFrameOfReferenceUID RelatedFrameOfReferenceUID DoseReferenceUID
        TableTopPositionAlignmentUID ReferencedDoseReferenceUID TreatmentPositionGroupUID PatientSetupUID
        TreatmentSessionUID ReferencedTreatmentPositionGroupUID ConceptualVolumeUID ReferencedConceptualVolumeUID
        ConstituentConceptualVolumeUID SourceConceptualVolumeUID ReferencedFiducialsUID RTTreatmentPhaseUID
        DosimetricObjectiveUID ReferencedDosimetricObjectiveUID
    """,
    ("X/Z", ""): """
        RequestedProcedureDescription AcquisitionContextSequence LabelText BarcodeValue ReviewerName
    """,
    ("X/Z", "d"): """
        SourceSerialNumber TreatmentMachineName
    """,
    ("X/Z", "p"): """
        PatientSexNeutered
    """,
    ("X/Z", "t"): """
        AcquisitionDate AcquisitionTime
    """,
    ("X/Z", "u"): """
        ReferencedStudySequence
    """,
    ("X/D", ""): """
        OperatorIdentificationSequence ProtocolName AcquisitionDeviceProcessingDescription
        WaveformAnnotationSequence RTTreatmentApproachLabel TreatmentSite
    """,
    ("X/D", "d"): """
        DetectorID
    """,
    ("X/D", "dt"): """
        DateOfLastDetectorCalibration TimeOfLastDetectorCalibration
    """,
    ("X/D", "t"): """
        InstanceCreationDate SeriesDate SeriesTime StartAcquisitionDateTime EndAcquisitionDateTime
        ObservationDateTime FirstTreatmentDate MostRecentTreatmentDate TreatmentDate TreatmentTime RTPlanDate
        RTPlanTime IntendedPhaseStartDate IntendedPhaseEndDate
    """,
    ("Z/D", ""): """
        PatientID ContrastBolusAgent ContentCreatorName
    """,
    ("Z/D", "t"): """
        ContentDate ContentTime InstructionPerformedDateTime
    """,
    ("X/Z/D", ""): """
        OperatorsName
    """,
    ("X/Z/D", "d"): """
        StationName DeviceSerialNumber
    """,
    ("X/Z/D", "i"): """
        InstitutionName InstitutionCodeSequence
    """,
    ("X/Z/D", "t"): """
        InstanceCreationTime AcquisitionDateTime
    """,
    ("X/Z/D", "u"): """
        ReferencedPerformedProcedureStepSequence
    """,
    ("X/Z/U*", "u"): """
        ReferencedImageSequence SourceImageSequence
    """,
}

# What the table leaves out, although it names an instance, a person or a time as well, or may. These are ours.
ADDED = {
    ("U", "u"): """
        MultiFrameSourceSOPInstanceUID RadiopharmaceuticalAdministrationEventUID TargetFrameOfReferenceUID
        SOPInstanceUIDOfConcatenationSource VolumeFrameOfReferenceUID TableFrameOfReferenceUID
        ReferencedColorPaletteInstanceUID FindingsGroupUIDTrial ReferencedFindingsGroupUIDTrial RetrieveLocationUID
        RepositoryUniqueID HomeCommunityID AssertionUID ReferencedAssertionUID ModelGroupUID ReferencedFiducialUID
        VolumetricPresentationInputSetUID SelectorUIValue EquipmentFrameOfReferenceUID
    """,
    # Of URLs: they hold UIDs, numbers or names as they are stored, whatever else is kept. What was encrypted of the
    # patient before (PS3.15 §E.1.1 (4)): who has its key would read it in the copy. And what people wrote.
    ("X", ""): """
        StoredInstanceBaseURI FolderAccessURI FileAccessURI FilenameInContainer RetrieveURL PixelDataProviderURL
        StorageURL UniformResourceLocatorTrial HL7InstanceIdentifier RetrieveURI ContactURI ContactDisplayName
        RelativeURIReferenceWithinEncapsulatedDocument EncryptedAttributesSequence EncryptedContent NTPSourceAddress
        SecondaryReviewerName EvaluatorName DocumentAuthorTrial AuthorIdentificationSequence
        DocumentAuthorIdentifierCodeSequenceTrial DocumentingObserverIdentifierCodeSequenceTrial
        PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
        IssuerOfPatientIDQualifiersSequence IssuerOfAccessionNumberSequence OrderPlacerIdentifierSequence
        OrderFillerIdentifierSequence PlacerOrderNumberProcedure FillerOrderNumberProcedure
        PlacerOrderNumberImagingServiceRequestRetired FillerOrderNumberImagingServiceRequestRetired OwnerID
        BoardingPassID ItineraryID CommentsOnTheScheduledProcedureStep CommentsOnPatientPerformanceOfVisualField
        InstructionPerformanceComment CalculationComment ReportStatusCommentTrial SubstanceAdministrationNotes
        AssertionComments SurfaceComments ReasonForCancellation SOPAuthorizationComment DoseComment
        FrameOfReferenceTransformationComment TreatmentStatusComment SetupImageComment OverrideReason
    """,
    ("D", ""): """
        TrackingID TextValue HangingProtocolCreator
    """,
    ("Z", ""): """
        DocumentTitle
    """,
    ("X", "t"): """
        SecondaryReviewDate SecondaryReviewTime ExpiryDate DateOfGainCalibration TimeOfGainCalibration
        ProcedureCreationDate ProcedureExpirationDate ProcedureLastModifiedDate ItemInventoryDateTime
        ExpirationDateTime StudyUpdateDateTime RouteSegmentStartTime RouteSegmentEndTime AlarmDecisionTime
        OOIOwnerCreationTime
    """,
}

# Groups of which the table names some or all elements, and which are removed whole: curves, and the planes of overlays,
# whose other elements say nothing without their data, or say it in words.
REMOVED_GROUPS = frozenset({*range(0x5000, 0x5100, 2), *range(0x6000, 0x6100, 2)})
